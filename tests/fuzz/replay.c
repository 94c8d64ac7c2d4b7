/* Feeds files, and the files of folders, to a fuzz target: so that the corpus is a test also where there is no libFuzzer. */
#include <dirent.h>
#include <sys/stat.h>

#include "target.h"

#define INPUT_BYTES_MAX (4 * 1024 * 1024)

static unsigned replayed;

static int replay(const char *path)
{
    static uint8_t data[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(data, 1, sizeof data, file);

    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one told is the one that failed */
    LLVMFuzzerTestOneInput(data, size);
    replayed++;
    return 0;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    char name[4096];
    int status = folder != NULL ? 0 : -1;

    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && replay(name) < 0)
            status = -1;
    }
    if (folder != NULL)
        closedir(folder);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        struct stat facts;
        bool folder = stat(argv[i], &facts) == 0 && S_ISDIR(facts.st_mode);

        if ((folder ? replay_folder(argv[i]) : replay(argv[i])) < 0)
            status = 1;
    }
    printf("%u inputs\n", replayed);
    return replayed > 0 ? status : 1;
}
