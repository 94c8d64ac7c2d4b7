/* The encoding of a benchmark's requests: each msgid takes five bytes, at the same place in requests and answers. */
#ifndef ASSAY_COMMAND_BENCH_WIRE_H
#define ASSAY_COMMAND_BENCH_WIRE_H

#include <stdint.h>

#define MSGID_AT    2U /* behind the array's head and the message type, in requests and answers */
#define MSGID_END   7U
#define MSGID_FIRST 0x10000000U /* smaller numbers have a shorter encoding */

static inline void msgid_put(uint8_t *message, uint32_t msgid)
{
    message[MSGID_AT] = 0xce;
    for (unsigned i = 0; i < 4; i++)
        message[MSGID_AT + 1 + i] = (uint8_t)(msgid >> (24 - 8 * i));
}

static inline uint32_t msgid_get(const uint8_t *message)
{
    const uint8_t *at = message + MSGID_AT + 1;

    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#endif
