/* `--to` in a build without hiredis: refuses to publish. */
#include "publish.h"

#include "report.h"

int publish_check(const struct publish *publish, const struct agent *agent)
{
    (void)agent;
    return publish->to == NULL ? 0 : report_bad_input("--to needs a Redis client; this assay was built without hiredis");
}

int publish_record(const struct publish *publish, const struct selector *selector, enum selector_use use, const struct agent *agent)
{
    (void)selector;
    (void)use;
    return publish_check(publish, agent);
}
