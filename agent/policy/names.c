/* Numbers for the names of roles, scopes and actions: a hash table that the policy fills while it is loaded. */
#include "policy.h"

#include <string.h>

static uint32_t hash_of(struct text name)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < name.bytes; i++)
        hash = (hash ^ (uint8_t)name.at[i]) * 16777619U;
    return hash ^ hash >> 15;
}

int name_number(struct name_table *table, struct text name, bool add)
{
    uint32_t at = hash_of(name) & (NAME_SLOTS - 1);

    for (; table->slots[at] != 0; at = (at + 1) & (NAME_SLOTS - 1)) {
        if (text_is(table->names[table->slots[at] - 1], name.at, name.bytes))
            return table->slots[at] - 1;
    }
    if (!add || table->count == POLICY_NAMES_MAX)
        return -1;
    table->names[table->count++] = name;
    table->slots[at] = (uint16_t)table->count;
    return (int)table->count - 1;
}
