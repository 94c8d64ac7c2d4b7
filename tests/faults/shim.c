/* Places, and the decision which call fails. A place is known by the hash of the function's name and of addresses above it, each as
   module and offset: the three nearest, and the two nearest in the program itself, so that what a library does for two of its callers is
   two places. Hashes are the same in every run of the same binaries. */
#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define NEAREST      3
#define OF_PROGRAM   2
#define FRAMES_DEEP  40
#define HASH_START   UINT64_C(0xcbf29ce484222325)
#define HASH_TIMES   UINT64_C(0x100000001b3)

struct shim_table *shim_table;

/* What is to fail: $ASSAY_FAULT is FUNCTION:CALLER:HASH:OCCURRENCE:ERROR. Without it, places are counted. */
static struct {
    char function[40];
    unsigned long caller;
    uint64_t hash;
    unsigned occurrence;
    unsigned error;
    _Atomic unsigned seen;
} fault;

static _Thread_local bool inside __attribute__((tls_model("initial-exec")));
static const void *own_module;
static atomic_flag adding = ATOMIC_FLAG_INIT;

void *shim_behind(const char *name)
{
    bool before = inside;

    inside = true;
    void *found = dlsym(RTLD_NEXT, name);

    inside = before;
    if (found == NULL)
        abort();
    return found;
}

static const struct link_map *module_of(const void *address)
{
    struct dl_find_object found;

    return _dl_find_object((void *)(uintptr_t)address, &found) == 0 ? found.dlfo_link_map : NULL;
}

struct place {
    uint64_t hash;
    unsigned frames, nearest, of_program, deep;
    struct shim_frame frame[SHIM_FRAMES];
};

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    for (const unsigned char *at = bytes; size > 0; at++, size--)
        hash = (hash ^ *at) * HASH_TIMES;
    return hash;
}

static void add_frame(struct place *place, const struct link_map *module, uintptr_t address)
{
    const char *slash = strrchr(module->l_name, '/');
    struct shim_frame *frame = &place->frame[place->frames++];

    memset(frame, 0, sizeof *frame);
    strncpy(frame->module, module->l_name[0] == '\0' ? "assayd" : slash != NULL ? slash + 1 : module->l_name, sizeof frame->module - 1);
    frame->offset = (uint32_t)(address - module->l_addr);
    place->hash = mix(place->hash, frame, sizeof *frame);
}

static _Unwind_Reason_Code step_up(struct _Unwind_Context *context, void *argument)
{
    struct place *place = argument;
    uintptr_t address = _Unwind_GetIP(context);
    const struct link_map *module = module_of((const void *)address);

    if (module == NULL || place->deep++ == FRAMES_DEEP)
        return _URC_END_OF_STACK;
    if (module == own_module)
        return _URC_NO_REASON;
    bool program = module->l_name[0] == '\0' && place->of_program < OF_PROGRAM;

    if (program || place->nearest < NEAREST) {
        add_frame(place, module, address);
        place->of_program += program;
        place->nearest += !program || place->nearest < NEAREST;
    }
    return place->frames == SHIM_FRAMES || (place->nearest >= NEAREST && place->of_program >= OF_PROGRAM) ? _URC_END_OF_STACK
                                                                                                           : _URC_NO_REASON;
}

static void find_place(struct place *place, const char *function)
{
    *place = (struct place){.hash = mix(HASH_START, function, strlen(function))};
    _Unwind_Backtrace(step_up, place);
}

static void note_site(struct shim_site *site, const struct place *place, const char *function, unsigned errors)
{
    while (atomic_flag_test_and_set(&adding))
        continue;
    if (site->hash == 0) {
        site->errors = errors;
        site->step = shim_table->step;
        site->frame_count = place->frames;
        strncpy(site->function, function, sizeof site->function - 1);
        memcpy(site->frames, place->frame, sizeof site->frames);
        site->hash = place->hash;
    }
    atomic_flag_clear(&adding);
}

static void count_call(const char *function, unsigned errors)
{
    struct place place;

    find_place(&place, function);
    for (unsigned i = 0; i < SHIM_SITES; i++) {
        struct shim_site *site = &shim_table->sites[(place.hash + i) % SHIM_SITES];

        if (site->hash == 0)
            note_site(site, &place, function, errors);
        if (site->hash == place.hash) {
            site->count++;
            return;
        }
    }
    shim_table->overflow = 1;
}

static bool is_the_one(const char *function, const void *caller)
{
    struct place place;

    if (strcmp(function, fault.function) != 0)
        return false;
    const struct link_map *module = module_of(caller);

    if (module == NULL || (unsigned long)((uintptr_t)caller - module->l_addr) != fault.caller)
        return false;
    find_place(&place, function);
    return place.hash == fault.hash && atomic_fetch_add(&fault.seen, 1) + 1 == fault.occurrence;
}

/* What is called while a place is looked for, or before this library is ready, is not looked at. */
int shim_failure(const char *function, const int *errors, unsigned count, const void *caller)
{
    int error = -1, saved = errno;

    if (inside || shim_table == NULL || !shim_table->armed)
        return -1;
    inside = true;
    if (fault.occurrence == 0) {
        count_call(function, count);
    } else if (is_the_one(function, caller)) {
        shim_table->failed_step = shim_table->step;
        shim_table->failed++;
        error = errors[fault.error < count ? fault.error : 0];
    }
    inside = false;
    errno = saved;
    return error;
}

static void read_fault(const char *text)
{
    const char *colon = strchr(text, ':');
    char *end;

    if (colon == NULL || (size_t)(colon - text) >= sizeof fault.function)
        abort();
    memcpy(fault.function, text, (size_t)(colon - text));
    fault.caller = strtoul(colon + 1, &end, 16);
    fault.hash = strtoull(end + 1, &end, 16);
    fault.occurrence = (unsigned)strtoul(end + 1, &end, 10);
    fault.error = (unsigned)strtoul(end + 1, NULL, 10);
}

/* Without libc's open and mmap, which are among those that are watched. */
static __attribute__((constructor)) void begin(void)
{
    const char *path = getenv("ASSAY_FAULT_TABLE"), *which = getenv("ASSAY_FAULT");

    inside = true;
    own_module = module_of((const void *)(uintptr_t)begin);
    if (which != NULL)
        read_fault(which);
    long fd = path != NULL ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;

    if (fd >= 0) {
        long at = syscall(SYS_mmap, NULL, sizeof *shim_table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);

        syscall(SYS_close, fd);
        if (at != -1)
            shim_table = (struct shim_table *)at;
    }
    inside = false;
}
