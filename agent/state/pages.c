#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* LMDB 0.9's file, data format 1, 64 bits, this machine's byte order. */
#define MAGIC           0xBEEFC0DEU
#define DATA_VERSION    1
#define FREE_TREE_FLAGS 8 /* keys are numbers */
#define PAGE_BYTES_MAX  65536
#define IS_BRANCH       1
#define IS_LEAF         2
#define IS_OVERFLOW     4
#define IS_META         8
#define NODE_HEAD_BYTES 8
#define NODE_IS_BIG     1
#define NODE_IS_TREE    2
#define NO_PAGE         UINT64_MAX
#define DEPTH_MAX       32

struct page_head {
    uint64_t number;
    uint16_t unused, flags, lower, upper;
};

struct tree {
    uint32_t unused; /* of the first tree: the page size */
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct meta {
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct tree trees[2]; /* the free pages, and the main tree, which contains the named ones */
    uint64_t last_page, transaction;
};

struct node {
    uint16_t low, high, flags, key_bytes;
};

struct file {
    int fd;
    size_t page_bytes;
    uint64_t pages; /* that the newest meta page counts */
    const char *fault;
};

static int bad(struct file *file, const char *what)
{
    file->fault = what;
    return -1;
}

static int read_page(struct file *file, uint64_t number, uint8_t *page)
{
    if (number < 2 || number >= file->pages)
        return bad(file, "it points to a page that does not exist");
    if (pread(file->fd, page, file->page_bytes, (off_t)(number * file->page_bytes)) != (ssize_t)file->page_bytes)
        return bad(file, "it is shorter than its header says");
    const struct page_head *head = (const struct page_head *)page;

    if (head->number != number)
        return bad(file, "a page has the number of another page");
    return 0;
}

/* The node's offset, or 0: the page is invalid. */
static size_t node_at(const struct file *file, const uint8_t *page, unsigned index, bool leaf)
{
    uint16_t at;
    struct node node;

    memcpy(&at, page + PAGE_HEAD_BYTES + index * sizeof at, sizeof at);
    if (at < PAGE_HEAD_BYTES || at + sizeof node > file->page_bytes)
        return 0;
    memcpy(&node, page + at, sizeof node);
    size_t data = !leaf ? 0 : (node.flags & NODE_IS_BIG) != 0 ? sizeof(uint64_t) : node.low | (size_t)node.high << 16;

    return at + sizeof node + node.key_bytes + data <= file->page_bytes ? at : 0;
}

static int count_nodes(struct file *file, const uint8_t *page, uint16_t flag, unsigned *ret)
{
    const struct page_head *head = (const struct page_head *)page;

    if ((head->flags & (IS_BRANCH | IS_LEAF | IS_OVERFLOW | IS_META)) != flag)
        return bad(file, "a page is not of the kind that its place needs");
    if (head->lower < PAGE_HEAD_BYTES || head->lower > head->upper || head->upper > file->page_bytes || head->lower % 2 != 0)
        return bad(file, "a page's head is damaged");
    *ret = (unsigned)(head->lower - PAGE_HEAD_BYTES) / 2;
    return 0;
}

static int check_tree(struct file *file, const struct tree *tree, bool whole);

/* Checks a leaf of the main tree, which names the other trees, or of the free pages' tree, which has lists of numbers. */
static int check_leaf(struct file *file, uint64_t number, bool names_trees)
{
    uint8_t page[PAGE_BYTES_MAX];
    unsigned nodes;

    if (read_page(file, number, page) < 0 || count_nodes(file, page, IS_LEAF, &nodes) < 0)
        return -1;
    for (unsigned i = 0; i < nodes; i++) {
        size_t at = node_at(file, page, i, true);
        struct node node;
        struct tree tree;

        if (at == 0)
            return bad(file, "a node lies outside its page");
        memcpy(&node, page + at, sizeof node);
        if (!names_trees || (node.flags & NODE_IS_TREE) == 0)
            continue;
        if ((node.low | (size_t)node.high << 16) != sizeof tree)
            return bad(file, "a table's record is damaged");
        memcpy(&tree, page + at + sizeof node + node.key_bytes, sizeof tree);
        if (check_tree(file, &tree, false) < 0)
            return -1;
    }
    return 0;
}

/* `levels`: of this page and those below it. */
static int check_page(struct file *file, uint64_t number, unsigned levels, bool whole, bool names_trees)
{
    uint8_t *page;
    unsigned nodes;
    int status = 0;

    if (levels == 1 && !whole)
        return number < 2 || number >= file->pages ? bad(file, "it points to a page that does not exist") : 0;
    if (levels == 1)
        return check_leaf(file, number, names_trees);
    page = malloc(file->page_bytes);
    if (page == NULL)
        return bad(file, "out of memory");
    if (read_page(file, number, page) < 0 || count_nodes(file, page, IS_BRANCH, &nodes) < 0)
        status = -1;
    else if (nodes < 2)
        status = bad(file, "an inner page is empty");
    for (unsigned i = 0; status == 0 && i < nodes; i++) {
        size_t at = node_at(file, page, i, false);
        struct node node;

        if (at == 0) {
            status = bad(file, "a node lies outside its page");
            break;
        }
        memcpy(&node, page + at, sizeof node);
        status =
            check_page(file, node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32, levels - 1, whole, names_trees);
    }
    free(page);
    return status;
}

static int check_tree(struct file *file, const struct tree *tree, bool whole)
{
    if (tree->root == NO_PAGE)
        return tree->depth == 0 && tree->entries == 0 ? 0 : bad(file, "a table has lost its root");
    if (tree->depth == 0 || tree->depth > DEPTH_MAX)
        return bad(file, "a table has an impossible depth");
    return check_page(file, tree->root, tree->depth, whole, whole);
}

static int read_meta(struct file *file, uint64_t number, struct meta *ret)
{
    struct {
        struct page_head head;
        struct meta meta;
    } page;

    if (pread(file->fd, &page, sizeof page, (off_t)(number * file->page_bytes)) != (ssize_t)sizeof page)
        return bad(file, "it is shorter than its header says");
    if (page.head.number != number || (page.head.flags & IS_META) == 0 || page.meta.magic != MAGIC)
        return bad(file, "it is not a store of this agent, or its first pages are damaged");
    if (page.meta.version != DATA_VERSION)
        return bad(file, "it was written by another version of LMDB");
    /* Values that LMDB uses without a check: a wrong page size would cause a fault before anything else is checked. */
    if ((file->page_bytes != 0 && page.meta.trees[0].unused != file->page_bytes) || page.meta.address != 0 ||
        page.meta.trees[0].flags != FREE_TREE_FLAGS || page.meta.trees[1].flags != 0)
        return bad(file, "one of its first pages is damaged");
    *ret = page.meta;
    return 0;
}

static size_t pages_size(int fd)
{
    struct file file = {.fd = fd};
    struct meta meta;

    if (read_meta(&file, 0, &meta) < 0)
        return 0;
    size_t bytes = meta.trees[0].unused;

    return bytes >= 512 && bytes <= PAGE_BYTES_MAX && (bytes & (bytes - 1)) == 0 ? bytes : 0;
}

/* Commits write the two meta pages in turns. So their numbers are consecutive, and each is where its number says: a damaged number would make the
   last but one the newest, and the revocations of the last would be lost. */
static int newest_meta(struct file *file, struct meta *ret)
{
    struct meta metas[2];

    if (read_meta(file, 0, &metas[0]) < 0 || read_meta(file, 1, &metas[1]) < 0)
        return -1;
    if (metas[0].transaction == 0 && metas[1].transaction == 0) { /* created, and nothing written yet */
        *ret = metas[0];
        return 0;
    }
    const struct meta *newest = &metas[metas[1].transaction > metas[0].transaction];
    const struct meta *other = &metas[metas[1].transaction <= metas[0].transaction];

    if (newest->transaction - other->transaction != 1 || newest != &metas[newest->transaction & 1])
        return bad(file, "the numbers of its last two transactions do not follow each other");
    *ret = *newest;
    return 0;
}

static int check_file(struct file *file, uint64_t bytes, uint64_t noted)
{
    struct meta meta;

    file->page_bytes = pages_size(file->fd);
    if (file->page_bytes == 0)
        return bad(file, "it is not a store of this agent, or its first page is damaged");
    if (newest_meta(file, &meta) < 0)
        return -1;
    if (meta.transaction < noted)
        return bad(file, "it has gone back in time: it lacks changes that were made (is it an older copy?)");
    file->pages = meta.last_page + 1;
    if (file->pages < 2 || file->pages > UINT64_MAX / file->page_bytes || bytes < file->pages * file->page_bytes)
        return bad(file, "it is shorter than its header says: it was cut, or copied incompletely");
    return check_tree(file, &meta.trees[0], true) < 0 || check_tree(file, &meta.trees[1], true) < 0 ? -1 : 0;
}

bool page_is_alone(const void *value, uint64_t number)
{
    struct page_head head;
    uint32_t pages;

    memcpy(&head, (const uint8_t *)value - PAGE_HEAD_BYTES, sizeof head);
    memcpy(&pages, &head.lower, sizeof pages);
    return head.number == number && head.flags == IS_OVERFLOW && pages == 1;
}

/* The file is absent: a new store, unless there was one before. */
static int check_absent(const char *folder, uint64_t noted, char why[STORE_WHY_BYTES])
{
    if (noted == 0)
        return 0;
    snprintf(why, STORE_WHY_BYTES,
             "the revocations in %s are lost: data.mdb is missing or empty, but the store had %" PRIu64
             " changes. Restore a copy, or remove %s/last to start without revocations",
             folder, noted, folder);
    return -1;
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC, 0600);
}

/* A value of a leaf, which may have its own pages. */
static void scan_node(struct file *file, const uint8_t *page, size_t at, uint64_t page_offset, uint8_t *room,
                      void (*each)(void *context, struct bytes key, struct bytes value, uint64_t offset), void *context)
{
    struct node node;
    uint64_t number;

    memcpy(&node, page + at, sizeof node);
    const uint8_t *key = page + at + sizeof node, *data = key + node.key_bytes;
    size_t size = node.low | (size_t)node.high << 16;

    if ((node.flags & NODE_IS_BIG) == 0) {
        each(context, (struct bytes){key, node.key_bytes}, (struct bytes){data, size}, page_offset + (uint64_t)(data - page));
        return;
    }
    memcpy(&number, data, sizeof number);
    if (size > PAGE_BYTES_MAX || number >= file->pages)
        return;
    uint64_t offset = number * file->page_bytes + PAGE_HEAD_BYTES;

    if (pread(file->fd, room, size, (off_t)offset) == (ssize_t)size)
        each(context, (struct bytes){key, node.key_bytes}, (struct bytes){room, size}, offset);
}

/* A page with one value alone, whose key is elsewhere. For a longer value this is its beginning. */
static void scan_alone(const struct file *file, const uint8_t *page, uint64_t page_offset,
                       void (*each)(void *context, struct bytes key, struct bytes value, uint64_t offset), void *context)
{
    each(context, (struct bytes){NULL, 0}, (struct bytes){page + PAGE_HEAD_BYTES, file->page_bytes - PAGE_HEAD_BYTES},
         page_offset + PAGE_HEAD_BYTES);
}

int pages_scan(int fd, void (*each)(void *context, struct bytes key, struct bytes value, uint64_t offset), void *context,
               uint64_t *ret_unreadable)
{
    struct file file = {.fd = fd, .page_bytes = pages_size(fd)};
    uint8_t *page = malloc(2 * PAGE_BYTES_MAX);
    struct stat facts;
    unsigned nodes;

    *ret_unreadable = 0;
    if (page == NULL || fstat(fd, &facts) < 0) {
        free(page);
        return -1;
    }
    if (file.page_bytes == 0)
        file.page_bytes = 4096; /* the first page is lost; this is the usual size */
    file.pages = (uint64_t)facts.st_size / file.page_bytes;
    for (uint64_t number = 0; number < file.pages; number++) {
        if (pread(fd, page, file.page_bytes, (off_t)(number * file.page_bytes)) != (ssize_t)file.page_bytes) {
            ++*ret_unreadable;
            continue;
        }
        if ((((const struct page_head *)page)->flags & IS_OVERFLOW) != 0)
            scan_alone(&file, page, number * file.page_bytes, each, context);
        if (count_nodes(&file, page, IS_LEAF, &nodes) < 0)
            continue;
        for (unsigned i = 0; i < nodes; i++) {
            size_t at = node_at(&file, page, i, true);

            if (at != 0)
                scan_node(&file, page, at, number * file.page_bytes, page + PAGE_BYTES_MAX, each, context);
        }
    }
    free(page);
    return 0;
}

int pages_check(const char *folder, int *ret_last, char why[STORE_WHY_BYTES])
{
    struct file file = {.fd = open_in(folder, "data.mdb", O_RDONLY)};
    struct stat facts;

    if (file.fd < 0 && errno != ENOENT) {
        snprintf(why, STORE_WHY_BYTES, "%s/data.mdb cannot be read: %s", folder, strerror(errno));
        return -1;
    }
    *ret_last = open_in(folder, "last", O_RDWR | O_CREAT);
    if (*ret_last < 0) {
        snprintf(why, STORE_WHY_BYTES, "%s/last cannot be written: %s", folder, strerror(errno));
        if (file.fd >= 0)
            close(file.fd);
        return -1;
    }
    uint64_t noted = pages_noted(*ret_last);

    if (file.fd < 0)
        return check_absent(folder, noted, why);
    int status = fstat(file.fd, &facts);

    if (status == 0 && facts.st_size == 0)
        status = check_absent(folder, noted, why);
    else if (status < 0 || check_file(&file, (uint64_t)facts.st_size, noted) < 0) {
        status = -1;
        snprintf(why, STORE_WHY_BYTES,
                 "the revocations in %s cannot be read, data.mdb is damaged: %s. The agent does not discard them silently: restore a copy and "
                 "remove %s/last, or recover what can be read: assayd --salvage %s NEW",
                 folder, file.fault != NULL ? file.fault : strerror(errno), folder, folder);
    }
    close(file.fd);
    return status;
}
