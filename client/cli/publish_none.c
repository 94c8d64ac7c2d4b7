/* A build without hiredis: nothing is published. */
#include "publish.h"

#include "report.h"

int publish_check(const struct publish *publish, const struct agent *agent)
{
    (void)agent;
    return publish->to == NULL ? 0 : report_bad_input("--to needs a Redis client (hiredis), without which this assay was built");
}

int publish_record(const struct publish *publish, const struct selector *selector, enum selector_use use, const struct agent *agent)
{
    (void)selector;
    (void)use;
    return publish_check(publish, agent);
}
