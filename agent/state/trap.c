#include "trap.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

_Thread_local volatile int trap_inside;
static volatile uintptr_t map_at;
static volatile size_t map_bytes;
static struct sigaction before[2];

static void on_fault(int number, siginfo_t *info, void *context)
{
    static const char words[] =
        "assayd: the mapped store could not be read: its file was cut or damaged, or the disk failed. The agent ends; it gave no answer from it. "
        "Check the disk, then restore a copy, or run: assayd --salvage OLD NEW\n";
    uintptr_t at = (uintptr_t)info->si_addr;

    (void)context;
    if (trap_inside > 0 || (at >= map_at && at - map_at < map_bytes)) {
        ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);

        (void)ignored;
        _exit(1);
    }
    sigaction(number, &before[number == SIGBUS], NULL); /* not the store's: it happens again, with the handler that was there before */
}

/* LMDB does not say where it has mapped its file; the kernel does. */
static void find_map(int fd)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    struct stat facts;
    char line[512];
    uintptr_t from, to;
    unsigned long inode;

    if (maps == NULL)
        return;
    while (fstat(fd, &facts) == 0 && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %lu", &from, &to, &inode) == 3 && inode == facts.st_ino) {
            map_at = from;
            map_bytes = to - from;
        }
    }
    fclose(maps);
}

void trap_set(int fd)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    find_map(fd);
    if (map_bytes == 0)
        return;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before[0]);
    sigaction(SIGBUS, &action, &before[1]);
}

uintptr_t trap_map(void)
{
    return map_bytes > 0 ? map_at : 0;
}

void trap_clear(void)
{
    if (map_bytes == 0)
        return;
    map_bytes = 0;
    sigaction(SIGSEGV, &before[0], NULL);
    sigaction(SIGBUS, &before[1], NULL);
}
