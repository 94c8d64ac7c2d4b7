/* What libassay.so exports is the list in libassay.map, no more and no less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAMES_MAX 128

struct names {
    char list[NAMES_MAX][64];
    size_t count;
};

static void add(struct names *names, const char *name)
{
    assert_true(names->count < NAMES_MAX);
    snprintf(names->list[names->count++], sizeof names->list[0], "%s", name);
}

static int compare(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void read_map(struct names *names)
{
    FILE *map = fopen(LIBASSAY_MAP, "re");
    char line[128], name[64];

    assert_non_null(map);
    while (fgets(line, sizeof line, map) != NULL)
        if (sscanf(line, " %63[a-z_];", name) == 1 && strncmp(name, "assay_", 6) == 0)
            add(names, name);
    fclose(map);
}

static void read_library(struct names *names)
{
    FILE *symbols = popen("nm -D --defined-only --without-symbol-versions '" LIBASSAY_SO "'", "r");
    char line[256], type, name[64];

    assert_non_null(symbols);
    while (fgets(line, sizeof line, symbols) != NULL)
        if (sscanf(line, "%*x %c %63s", &type, name) == 2 && type != 'A')
            add(names, name);
    assert_int_equal(pclose(symbols), 0);
}

static void the_library_exports_its_list(void **state)
{
    struct names listed = {.count = 0}, exported = {.count = 0};

    (void)state;
    read_map(&listed);
    read_library(&exported);
    qsort(listed.list, listed.count, sizeof listed.list[0], compare);
    qsort(exported.list, exported.count, sizeof exported.list[0], compare);
    assert_true(listed.count > 0);
    for (size_t i = 0; i < listed.count && i < exported.count; i++)
        assert_string_equal(exported.list[i], listed.list[i]);
    assert_int_equal(exported.count, listed.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_library_exports_its_list)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
