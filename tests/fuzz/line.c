/* A line of a revocation feed: what is read as a record names an issuer and one thing, and says the same when it is read again. */
#include "agent/base/limits.h"
#include "agent/feeds/line.h"
#include "client/wire/utf8.h"
#include "tests/fuzz/target.h"

static void check_record(const struct record *record, bool undo)
{
    CHECK(record->kind > RECORD_NONE && record->kind < RECORD_KIND_COUNT);
    CHECK(record->issuer.at != NULL && record->issuer.bytes <= REVOCATION_NAME_BYTES_MAX &&
          utf8_is_valid(record->issuer.at, record->issuer.bytes));
    CHECK(record->name.bytes <= REVOCATION_NAME_BYTES_MAX);
    CHECK((record->kind == RECORD_ISSUER) == (record->name.at == NULL));
    CHECK(record->before == SECONDS_NONE || (record->before >= 0 && record->before <= 9007199254740992));
    CHECK(record->exp == SECONDS_NONE || (record->exp >= 0 && record->exp <= 9007199254740992));
    CHECK(undo || record->kind != RECORD_SUB || record->before != SECONDS_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line_reader *reader;
    struct line line, again;

    if (reader == NULL)
        reader = line_reader_new();
    if (reader == NULL || size > 65536)
        return 0;
    char *text = exactly(data, size);
    const char *why = line_read(reader, text, size, &line);

    if (why == NULL) {
        check_record(&line.record, line.undo);
        CHECK(size <= FEED_LINE_BYTES_MAX);
        CHECK(line_read(reader, text, size, &again) == NULL && again.undo == line.undo && again.record.kind == line.record.kind &&
              again.record.before == line.record.before && again.record.exp == line.record.exp);
    } else {
        CHECK(*why != '\0');
    }
    free(text);
    return 0;
}
