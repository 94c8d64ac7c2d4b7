/* Prints results for people: names and values, and tables with aligned columns. */
#ifndef ASSAY_COMMAND_TABLE_H
#define ASSAY_COMMAND_TABLE_H

#include "client/wire/value.h"

/* A map: scalars as "name  value", lists on one line, maps and tables indented below their name. */
void print_map(const struct value *map, unsigned indent);

/* An array of maps, with the first map's names as the head. */
void print_table(const struct value *rows, unsigned indent);

/* An array of scalars on one line. */
void print_list(const struct value *list);

#endif
