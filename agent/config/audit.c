/* `audit:`: where lines about decisions go, and what they contain. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "config.h"

/* Without the folder nothing would be written. Whether the agent may write there, `--check` as another user cannot tell. */
static void check_folder(struct yaml *yaml, yaml_node_t *value, const char *path)
{
    char *folder = dirname(arena_text(yaml->arena, path, strlen(path)));

    if (access(folder, F_OK) < 0)
        yaml_fault(yaml, value, "the folder %s: %s; create it, and give it to the user of the agent", folder, strerror(errno));
}

static void read_to(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct audit_config *audit = into;
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    audit->to = text;
    audit->place = yaml_place(yaml, value);
    audit->to_stdout = strcmp(text, "stdout") == 0;
    if (audit->to_stdout || strcmp(text, "log") == 0)
        return;
    if (*text != '/') {
        yaml_fault(yaml, value, "`%s` is not a place for audit lines; write log, stdout, or an absolute path such as /var/log/assay/audit.log", text);
        return;
    }
    audit->file = text;
    check_folder(yaml, value, text);
}

/* A list of claims' names. */
static void read_claims(struct yaml *yaml, yaml_node_t *value, struct audit_claims *claims)
{
    yaml_node_t *item;

    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *name = yaml_text(yaml, item);

        if (name == NULL)
            continue;
        if (*name == '\0' || strlen(name) > AUDIT_CLAIM_BYTES_MAX)
            yaml_fault(yaml, item, "a claim's name has 1 to %d bytes", AUDIT_CLAIM_BYTES_MAX);
        else if (claims->count == AUDIT_CLAIMS_MAX)
            yaml_fault(yaml, item, "at most %d claims can be named here", AUDIT_CLAIMS_MAX);
        else
            claims->names[claims->count++] = name;
    }
}

static void read_extra(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct audit_config *audit = into;

    read_claims(yaml, value, &audit->claims);
    for (unsigned i = 0; i < audit->claims.count; i++) {
        char *shown = arena_get(yaml->arena, sizeof "claim_" + strlen(audit->claims.names[i]));

        strcpy(stpcpy(shown, "claim_"), audit->claims.names[i]);
        audit->shown[i] = shown;
    }
}

static void read_mask(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct audit_config *audit = into;

    audit->mask_place = yaml_place(yaml, value);
    read_claims(yaml, value, &audit->mask);
}

static void read_share(struct yaml *yaml, yaml_node_t *value, void *into)
{
    double *share = into;

    if (!yaml_is_number(value, share) || !(*share >= 0 && *share <= 1)) {
        yaml_fault(yaml, value, "write the share of lines about allowed requests that are left out, 0 to 1, for example 0.9");
        *share = 0;
    }
}

bool audit_masks(const struct audit_config *audit, const char *claim)
{
    for (unsigned i = 0; i < audit->mask.count; i++)
        if (strcmp(audit->mask.names[i], claim) == 0)
            return true;
    return false;
}

/* A misspelt name would mask nothing. */
static void check_mask(struct yaml *yaml, const struct audit_config *audit)
{
    for (unsigned i = 0; i < audit->mask.count; i++) {
        const char *name = audit->mask.names[i];
        bool known = strcmp(name, "sub") == 0 || strcmp(name, "jti") == 0;

        for (unsigned k = 0; k < audit->claims.count && !known; k++)
            known = strcmp(name, audit->claims.names[k]) == 0;
        if (!known)
            fault_add(yaml->faults, audit->mask_place, "the lines do not have `%s`, so it needs no mask; they have sub, jti, and what `claims` names", name);
    }
}

void config_read_audit(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"to", read_to, 0, false, NULL},
        {"claims", read_extra, 0, false, NULL},
        {"mask", read_mask, 0, false, NULL},
        {"drop_allowed", read_share, offsetof(struct audit_config, drop_allowed), false, NULL},
        {0},
    };

    yaml_read_map(yaml, value, keys, into);
    check_mask(yaml, into);
}
