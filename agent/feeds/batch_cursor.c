/* The cursor of a source, in the store: the position up to which it was read. */
#include <stdio.h>
#include <string.h>

#include "batch.h"

static struct bytes cursor_key(const char *source, char key[SOURCE_NAME_BYTES + 8])
{
    int size = snprintf(key, SOURCE_NAME_BYTES + 8, "cursor:%s", source);

    return (struct bytes){key, (size_t)size};
}

int batch_cursor(struct view *view, const char *source, void *cursor, size_t bytes)
{
    char key[SOURCE_NAME_BYTES + 8];
    struct bytes value;
    int found = view_get(view, TABLE_META, cursor_key(source, key), &value);

    if (found != 1)
        return found;
    if (value.size != bytes)
        return 0; /* of another version: the feed is read from its start, which changes no record in force */
    memcpy(cursor, value.at, bytes);
    return 1;
}

int batch_put_cursor(struct view *view, const char *source, const void *cursor, size_t bytes)
{
    char key[SOURCE_NAME_BYTES + 8];

    return view_put(view, TABLE_META, cursor_key(source, key), (struct bytes){cursor, bytes});
}
