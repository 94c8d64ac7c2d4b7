#include "scripted_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum fake_action say(void *context, const struct fake_request *request, struct wire_writer *out)
{
    const struct script *script = context;

    for (size_t i = 0; i < script->size; i++) {
        uint8_t byte = (uint8_t)script->bytes[i];

        if (i == 2)
            byte = (uint8_t)(request->msgid + (script->other_msgid ? 1 : 0));
        wire_put_raw(out, &byte, 1);
    }
    return script->action;
}

int verify_at(const char *path, unsigned timeout_ms, struct assay_verdict **ret)
{
    struct assay_options options = {.size = sizeof options, .timeout_ms = timeout_ms, .cache_bytes = ASSAY_NO_CACHE};
    struct assay *assay;

    assert_int_equal(assay_open(&assay, path, &options), 0);
    int status = assay_verify(assay, TOKEN, strlen(TOKEN), "orders", ret);

    assay_close(assay);
    return status;
}
