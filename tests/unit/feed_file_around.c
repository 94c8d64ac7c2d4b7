#include "feed_file_around.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char folder[] = "/tmp/assay-feed-XXXXXX", path[64], other[64];
struct feed_file file;

/* What was taken since the last reading began. */
unsigned taken, too_long, enough_asked;
char last[32];
bool refused;
unsigned room = UINT32_MAX;         /* for so many lines */
unsigned enough_after = UINT32_MAX; /* it was asked so often */
bool enough_once_taken, cut_once_taken;
off_t cut_to = -1; /* when it is asked whether that is enough */

/* What somebody does while it is being read, at the first line of each piece of it. */
static unsigned replaced;
enum somebody somebody;

static void do_what_somebody_does(void)
{
    if (somebody == REMOVES)
        assert_int_equal(unlink(path), 0);
    if (somebody == REPLACES || somebody == REPLACES_ONCE) {
        fill(other, 640);
        put(other, 0, (char[]){(char)('A' + replaced++)}, 1);
        replace();
    }
    somebody = somebody == REPLACES ? REPLACES : NOTHING;
}

static int take(void *context, uint64_t number, const char *line, size_t bytes)
{
    (void)context;
    if (number == 1)
        do_what_somebody_does();
    assert_false(refused); /* nothing is offered behind what was not taken */
    refused = taken + too_long >= room;
    if (refused)
        return 0;
    if (bytes > FEED_LINE_BYTES_MAX) {
        too_long++;
        return 1;
    }
    taken++;
    snprintf(last, sizeof last, "%.*s", (int)(bytes < sizeof last - 1 ? bytes : sizeof last - 1), line);
    return 1;
}

static bool enough(void *context)
{
    (void)context;
    if (cut_to >= 0 && (!cut_once_taken || taken + too_long > 0))
        assert_int_equal(truncate(path, cut_to), 0);
    return ++enough_asked > enough_after || (enough_once_taken && taken + too_long > 0);
}

int read_file(void)
{
    const struct feed_taker taker = {take, enough, NULL};

    taken = too_long = enough_asked = 0;
    refused = false;
    last[0] = '\0';
    file.replaced = false;
    return feed_file_read(&file, &taker);
}

void put(const char *at, off_t offset, const char *text, size_t bytes)
{
    int fd = open(at, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, bytes, offset < 0 ? lseek(fd, 0, SEEK_END) : offset), bytes);
    close(fd);
}

void append(const char *at, const char *text)
{
    put(at, -1, text, strlen(text));
}

/* So many bytes of lines of 64. */
void fill(const char *at, size_t bytes)
{
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    for (size_t i = 0; i < bytes; i += 64)
        snprintf(text + i, 65, "%-63zu\n", i);
    unlink(at);
    put(at, 0, text, bytes);
    free(text);
}

void one_line_of(const char *at, size_t bytes)
{
    char *text = malloc(bytes);

    assert_non_null(text);
    memset(text, 'x', bytes);
    put(at, -1, text, bytes);
    free(text);
}

int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/feed", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    file = (struct feed_file){.path = path, .fd = -1, .is_new = true};
    room = enough_after = UINT32_MAX;
    enough_once_taken = cut_once_taken = false;
    cut_to = -1;
    somebody = NOTHING;
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    feed_file_close(&file);
    unlink(path);
    unlink(other);
    if (rmdir(folder) != 0)
        return -1;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    return 0;
}

/* It was read whole, and nothing has been noticed. */
void begin_with(size_t bytes)
{
    fill(path, bytes);
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, bytes / 64);
    assert_false(file.replaced || file.unsure);
}

void rewrite(off_t offset)
{
    put(path, offset, "X", 1);
}

void replace(void)
{
    assert_int_equal(rename(other, path), 0);
}
