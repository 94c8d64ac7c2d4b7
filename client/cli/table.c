/* The agent may send names that this version does not know. So the layout depends on the types of values and not on names, except that
   ages are written for people. */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "client/wire/json.h"
#include "client/wire/printable.h"
#include "report.h"

#define COLUMNS_MAX 16

static bool ends_in(const char *text, const char *end)
{
    size_t text_bytes = strlen(text), end_bytes = strlen(end);

    return text_bytes >= end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

/* 3725 is 1h02m, which is easier to read than seconds. */
static char *age_text(uint64_t seconds)
{
    char *text = NULL;
    int printed;

    if (seconds < 60)
        printed = asprintf(&text, "%" PRIu64 "s", seconds);
    else if (seconds < 3600)
        printed = asprintf(&text, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        printed = asprintf(&text, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600, seconds / 60 % 60);
    else
        printed = asprintf(&text, "%" PRIu64 "d%02" PRIu64 "h", seconds / 86400, seconds / 3600 % 24);
    return printed < 0 ? NULL : text;
}

/* How long ago a source was last known to agree with what is in force. */
static char *confirmed_text(const struct value *value)
{
    if (value == NULL || value->type != WIRE_UINT)
        return strdup("never");
    char *age CLEANUP_FREE = age_text(value->uint), *text = NULL;

    return age != NULL && asprintf(&text, "%s ago", age) >= 0 ? text : NULL;
}

/* A scalar as the text of a cell; the caller frees it. NULL if there is no memory. */
static char *cell_text(const char *name, const struct value *value)
{
    char *text;

    if (strcmp(name, "confirmed") == 0)
        return confirmed_text(value);
    if (value == NULL || value->type == WIRE_NIL)
        return strdup("-");
    if (value->type == WIRE_BOOL)
        return strdup(value->boolean ? "yes" : "no");
    if (value->type == WIRE_UINT && (ends_in(name, "age") || strcmp(name, "uptime") == 0 || strcmp(name, "next_fetch") == 0))
        return age_text(value->uint);
    text = value->type == WIRE_STR ? strdup(value->str) : json_text(value);
    if (text != NULL)
        make_printable(text);
    return text;
}

/* Characters, not bytes: each takes one column of the terminal, which holds for names and URLs. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Names come from the agent too, so they are made printable. */
static void print_padded(const char *text, size_t width)
{
    char *printable CLEANUP_FREE = strdup(text);
    size_t own = width_of(text);

    if (printable != NULL)
        make_printable(printable);
    printf("%s%*s", printable != NULL ? printable : "?", own < width ? (int)(width - own) : 0, "");
}

static void print_cell(const char *name, const struct value *value, size_t width)
{
    char *text CLEANUP_FREE = cell_text(name, value);

    print_padded(text != NULL ? text : "?", width);
}

static size_t cell_width(const char *name, const struct value *value)
{
    char *text CLEANUP_FREE = cell_text(name, value);

    return text != NULL ? width_of(text) : 1;
}

struct column {
    const char *name;
    size_t width;
};

static unsigned measure_columns(const struct value *rows, struct column *ret_columns)
{
    const struct value *row = value_first(rows);
    const struct value *name = value_first(row);
    unsigned count = row->count < COLUMNS_MAX ? row->count : COLUMNS_MAX;

    for (unsigned i = 0; i < count; i++) {
        ret_columns[i] = (struct column){name->str, width_of(name->str)};
        name = value_next(value_next(name));
    }
    for (uint32_t i = 0; i < rows->count; i++, row = value_next(row))
        for (unsigned c = 0; c < count; c++) {
            size_t width = cell_width(ret_columns[c].name, value_member(row, ret_columns[c].name));

            if (width > ret_columns[c].width)
                ret_columns[c].width = width;
        }
    return count;
}

void print_table(const struct value *rows, unsigned indent)
{
    struct column columns[COLUMNS_MAX];

    if (rows->count == 0 || value_first(rows)->type != WIRE_MAP)
        return;
    unsigned count = measure_columns(rows, columns);

    printf("%*s", (int)indent, "");
    for (unsigned c = 0; c < count; c++)
        print_padded(columns[c].name, c + 1 < count ? columns[c].width + 2 : 0);
    putchar('\n');
    const struct value *row = value_first(rows);

    for (uint32_t i = 0; i < rows->count; i++, row = value_next(row)) {
        printf("%*s", (int)indent, "");
        for (unsigned c = 0; c < count; c++)
            print_cell(columns[c].name, value_member(row, columns[c].name), c + 1 < count ? columns[c].width + 2 : 0);
        putchar('\n');
    }
}

void print_list(const struct value *list)
{
    const struct value *item = value_first(list);

    if (list->count == 0)
        fputs("-", stdout);
    for (uint32_t i = 0; i < list->count; i++, item = value_next(item)) {
        if (i > 0)
            fputs(", ", stdout);
        print_cell("", item, 0);
    }
    putchar('\n');
}

static bool is_table(const struct value *value)
{
    return value->type == WIRE_ARRAY && value->count > 0 && value_first(value)->type == WIRE_MAP;
}

static void print_member(const char *name, const struct value *value, size_t width, unsigned indent)
{
    printf("%*s", (int)indent, "");
    if (value->type == WIRE_MAP) {
        print_padded(name, 0);
        putchar('\n');
        print_map(value, indent + 2);
    } else if (is_table(value)) {
        print_padded(name, 0);
        putchar('\n');
        print_table(value, indent + 2);
    } else {
        print_padded(name, width + 2);
        if (value->type == WIRE_ARRAY) {
            print_list(value);
        } else {
            print_cell(name, value, 0);
            putchar('\n');
        }
    }
}

void print_map(const struct value *map, unsigned indent)
{
    const struct value *name = value_first(map);
    size_t width = 0;

    for (uint32_t i = 0; i < map->count; i++, name = value_next(value_next(name)))
        if (value_next(name)->type != WIRE_MAP && !is_table(value_next(name)) && width_of(name->str) > width)
            width = width_of(name->str);
    name = value_first(map);
    for (uint32_t i = 0; i < map->count; i++, name = value_next(value_next(name)))
        print_member(name->str, value_next(name), width, indent);
}
