#include "files_around.h"

#include <stdio.h>
#include <stdlib.h>

struct file files[FILES];
struct watch *watch;
uint64_t now_ms;
unsigned seen, looks_at_once, threads_busy, folders_forgotten, alarms_set;
bool watch_was_freed;

static const char *const paths[FILES] = {"/a/0", "/a/1", "/a/2", "/b/0"};

static struct {
    uv_work_t *work;
    uv_work_cb run;
    uv_after_work_cb done;
} works[16];

static void (*rings)(void *context);
static uint64_t rings_at; /* 0: it does not */
static void (*happened)(void *context, const char *path, const char *name);

/* --- in the place of the loop, the alarm, the folders and the file system --- */

uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *work, uv_work_cb run, uv_after_work_cb done);
struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*ring)(void *context), void *context);
void __wrap_alarm_set(struct alarm *alarm, double seconds);
void __wrap_alarm_close(struct alarm *alarm);
struct folders *__wrap_folders_new(uv_loop_t *loop, void (*tell)(void *context, const char *path, const char *name), void *context);
void __wrap_folders_add(struct folders *folders, const char *file);
void __wrap_folders_forget(struct folders *folders);
void __wrap_folders_close(struct folders *folders);
int __wrap_facts_look(const char *path, bool open_it, struct file_facts *ret);
int __wrap_facts_look_at_once(const char *path, struct file_facts *ret);
bool __wrap_facts_are_local(const char *path);
void __wrap_free(void *memory);
void __real_free(void *memory);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return now_ms;
}

int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *work, uv_work_cb run, uv_after_work_cb done)
{
    (void)loop;
    assert_true(threads_busy < sizeof works / sizeof *works);
    works[threads_busy].work = work;
    works[threads_busy].run = run;
    works[threads_busy++].done = done;
    return 0;
}

struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*ring)(void *context), void *context)
{
    (void)loop;
    rings = ring;
    return context;
}

void __wrap_alarm_set(struct alarm *alarm, double seconds)
{
    (void)alarm;
    rings_at = now_ms + (uint64_t)(seconds * 1000 + 0.5);
    alarms_set++;
}

void __wrap_alarm_close(struct alarm *alarm)
{
    (void)alarm;
    rings_at = 0;
}

struct folders *__wrap_folders_new(uv_loop_t *loop, void (*tell)(void *context, const char *path, const char *name), void *context)
{
    (void)loop;
    happened = tell;
    return context;
}

void __wrap_folders_add(struct folders *folders, const char *file)
{
    (void)folders;
    (void)file;
}

void __wrap_folders_forget(struct folders *folders)
{
    (void)folders;
    folders_forgotten++;
}

void __wrap_folders_close(struct folders *folders)
{
    (void)folders;
}

static struct file *file_of(const char *path)
{
    unsigned i = 0;

    while (strcmp(paths[i], path) != 0)
        assert_true(++i < FILES);
    return &files[i];
}

int __wrap_facts_look(const char *path, bool open_it, struct file_facts *ret)
{
    (void)open_it;
    *ret = file_of(path)->facts;
    return file_of(path)->error;
}

int __wrap_facts_look_at_once(const char *path, struct file_facts *ret)
{
    looks_at_once++;
    return file_of(path)->far ? EAGAIN : __wrap_facts_look(path, false, ret);
}

bool __wrap_facts_are_local(const char *path)
{
    return file_of(path)->error == 0 && file_of(path)->is_local;
}

void __wrap_free(void *memory)
{
    watch_was_freed |= memory != NULL && memory == watch;
    __real_free(memory);
}

/* --- who watches --- */

static void on_seen(void *context)
{
    (void)context;
    seen++;
}

static void on_changed(void *context)
{
    ((struct file *)context)->changed++;
}

static void on_lost(void *context, const char *why, bool hangs)
{
    struct file *file = context;

    assert_string_equal(why, hangs ? "its file system does not answer" : strerror(file->error));
    file->lost++;
    file->hangs = hangs;
}

static void on_late(void *context)
{
    ((struct file *)context)->late++;
}

int begin_watching(void **state)
{
    (void)state;
    memset(files, 0, sizeof files);
    for (unsigned i = 0; i < FILES; i++)
        files[i] = (struct file){.facts = {.device = 1, .inode = i + 1, .size = 100}, .is_local = true};
    now_ms = 100;
    seen = looks_at_once = threads_busy = folders_forgotten = alarms_set = 0;
    rings_at = 0;
    watch = watch_new(NULL, on_seen, NULL);
    watch_was_freed = false;
    return watch != NULL ? 0 : -1;
}

int end_watching(void **state)
{
    (void)state;
    finish_looks();
    for (unsigned i = 0; i < FILES; i++)
        watched_drop(files[i].watched);
    if (!watch_was_freed)
        watch_close(watch);
    return 0;
}

void watch_one(unsigned file, double settles)
{
    files[file].watched = watch_file(watch, paths[file], &(struct watcher){on_changed, on_lost, on_late, settles, &files[file]});
    assert_non_null(files[file].watched);
}

void watch_clean(unsigned file, double settles)
{
    watch_one(file, settles);
    for (unsigned i = 0; i < 8; i++) { /* it is read again when a tick of its clock is over, and again */
        look_after(LOOK_MS);
        finish_looks();
        if (files[file].watched->told)
            was_read(file, FILE_READ);
    }
    assert_true(!watched_is_pending(files[file].watched) && files[file].watched->good);
    files[file].changed = 0;
}

void change(unsigned file)
{
    files[file].facts.changed_ns++;
}

void was_read(unsigned file, enum file_read how)
{
    watched_was_read(files[file].watched, how);
}

void pass(uint64_t milliseconds)
{
    uint64_t end = now_ms + milliseconds;

    while (rings_at != 0 && rings_at <= end) {
        now_ms = rings_at > now_ms ? rings_at : now_ms;
        rings_at = 0;
        rings(watch);
    }
    now_ms = end;
}

void look_after(uint64_t milliseconds)
{
    pass(milliseconds);
    watch_look(watch);
}

void finish_look(void)
{
    uv_work_t *work = works[0].work;
    uv_work_cb run = works[0].run;
    uv_after_work_cb done = works[0].done;

    assert_true(threads_busy > 0);
    memmove(works, works + 1, --threads_busy * sizeof *works);
    run(work);
    done(work, 0);
}

void finish_looks(void)
{
    while (threads_busy > 0)
        finish_look();
}

void tell_happened(const char *folder, const char *name)
{
    happened(watch, folder, name);
}
