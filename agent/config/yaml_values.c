/* Single values: texts, numbers, durations, sizes, paths, choices. */
#include "yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/when.h"

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

bool yaml_is_number(const yaml_node_t *node, double *ret)
{
    const char *text = (const char *)node->data.scalar.value, *at = text, *digits;

    if (!yaml_is_plain(node))
        return false;
    at += *at == '-';
    digits = at;
    at = skip_digits(at);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return false;
    if (*at == '.') {
        digits = at + 1;
        at = skip_digits(digits);
        if (at == digits)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        digits = at;
        at = skip_digits(at);
        if (at == digits)
            return false;
    }
    *ret = strtod(text, NULL);
    return at == text + node->data.scalar.length && isfinite(*ret);
}

void yaml_read_text(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text != NULL && *text == '\0')
        yaml_fault(yaml, value, "the value is empty");
    else if (text != NULL)
        *(const char **)into = text;
}

void yaml_read_path(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value), *slash = strrchr(yaml->path, '/');

    if (text == NULL)
        return;
    if (*text == '\0') {
        yaml_fault(yaml, value, "the path is empty; name a file");
    } else if (*text == '/' || slash == NULL) {
        *(const char **)into = text;
    } else {
        size_t folder = (size_t)(slash - yaml->path) + 1;
        char *path = arena_get(yaml->arena, folder + strlen(text) + 1);

        memcpy(path, yaml->path, folder);
        memcpy(path + folder, text, strlen(text));
        *(const char **)into = path;
    }
}

void yaml_read_bool(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text != NULL && yaml_is_plain(value) && strcmp(text, "true") == 0)
        *(bool *)into = true;
    else if (text != NULL && yaml_is_plain(value) && strcmp(text, "false") == 0)
        *(bool *)into = false;
    else if (text != NULL)
        yaml_fault(yaml, value, "`%s` is not a boolean; write true or false", text);
}

/* Digits and a unit from a table. False: something else. */
static bool quantity(const char *text, const char *const *units, const double *factors, double *ret)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 12)
        return false;
    unsigned long long number = strtoull(text, &end, 10);

    for (; *units != NULL; units++, factors++) {
        if (strcmp(end, *units) == 0) {
            *ret = (double)number * *factors;
            return true;
        }
    }
    return false;
}

void yaml_read_seconds(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    int64_t milliseconds;

    if (text == NULL)
        return;
    const char *fault = parse_duration(text, 0, &milliseconds);

    if (fault == NULL)
        *(double *)into = (double)milliseconds / 1000;
    else
        yaml_fault(yaml, value, "`%s`: %s; use 500ms, 30s, 10m, 24h or 7d", text, fault);
}

void yaml_read_size(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", NULL};
    static const double factors[] = {1024, 1048576, 1073741824};
    const char *text = yaml_text(yaml, value);
    double bytes;

    if (text == NULL)
        return;
    if (quantity(text, units, factors, &bytes))
        *(uint64_t *)into = (uint64_t)bytes;
    else
        yaml_fault(yaml, value, "`%s` is not a size; write for example 512KiB, 64MiB or 1GiB", text);
}

void yaml_read_rate(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const units[] = {"/s", "/m", NULL};
    static const double factors[] = {1, 1.0 / 60};
    const char *text = yaml_text(yaml, value);
    double rate = 0;

    if (text != NULL && (!quantity(text, units, factors, &rate) || !(rate > 0)))
        yaml_fault(yaml, value, "`%s` is not a rate; write for example 50000/s or 300/m", text);
    else if (text != NULL)
        *(double *)into = rate;
}

int yaml_choice(struct yaml *yaml, yaml_node_t *value, const char *const *choices)
{
    const char *text = yaml_text(yaml, value);
    char list[256] = "";

    if (text == NULL)
        return -1;
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
    }
    for (int i = 0; choices[i] != NULL; i++) {
        size_t used = strlen(list);

        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    const char *nearest = nearest_name(text, choices);

    if (nearest != NULL)
        yaml_fault(yaml, value, "unknown value `%s`; did you mean `%s`? (%s)", text, nearest, list);
    else
        yaml_fault(yaml, value, "unknown value `%s`; write one of: %s", text, list);
    return -1;
}
