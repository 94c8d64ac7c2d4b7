/* assay: the command line of the agent. Finds the command; each command is in a file of its own. */
#include <stdio.h>
#include <string.h>

#include "assay/assay.h"
#include "client/wire/nearest.h"
#include "command.h"
#include "publish.h"

static const struct command commands[] = {
    {"verify", "verify a token", "[--audience A] [--token T | --token-file F]",
     "Prints the claims of an accepted token as JSON. Reads the token from stdin, unless an option gives it.\n"
     "With --json: {\"active\":true,\"claims\":{…},…} or {\"active\":false,\"reason\":…}.\n"
     "Exit: 0 accepted, 1 refused, 2 wrong usage, 3 undecided: the agent is unreachable or could not decide.\n",
     command_verify},
    {"authorize", "ask the policy whether a token's holder may do something", "--action A --resource R [--audience A] [--token T | --token-file F]",
     "Prints the policy rule that allows the action; or why the action is denied, with the HTTP status: 401, the token is missing\n"
     "or refused; 403, the policy does not allow the action. Reads the token from stdin, unless an option gives it. If stdin is\n"
     "empty or a terminal, there is no token.\n"
     "With --json: {\"allow\":…,\"status\":…,\"reason\":…,\"rule\":…,\"subject\":…,\"roles\":[…],\n"
     "\"issuer\":…,\"expires_at\":…,\"scopes\":[…]}.\n"
     "Exit: 0 allowed, 1 denied, 2 wrong usage, 3 undecided: the agent is unreachable or could not decide.\n",
     command_authorize},
    {"revoke", "revoke tokens, so that the agent refuses them",
     "(--jti J | --sub S [--before TIME] | --sid S [--before TIME] | --kid K | --jkt T | --signing-input-sha256 HEX | --token T | "
     "--token-file F | --all --before TIME) [--issuer I] [--ttl D] [--to URL]",
     "Returns when the revocation is on disk and in force for every client of the agent. With --token, the agent first checks\n"
     "the token's signature; it also takes an expired token. TIME is Unix seconds or RFC 3339, and includes tokens issued in that\n"
     "second.\n"
     PUBLISH_DETAILS,
     command_revoke},
    {"unrevoke", "take back a revocation",
     "(--jti J | --sub S | --sid S | --kid K | --jkt T | --signing-input-sha256 HEX | --token T | --token-file F | --all) [--issuer I] "
     "[--all-sources | --to URL]",
     "Takes back a revocation that operators made with 'assay revoke'. Prints which other sources still hold the same revocation: a\n"
     "feed's revocation stays in force until the feed takes it back, unless --all-sources is given.\n"
     PUBLISH_DETAILS,
     command_unrevoke},
    {"revocations", "count revocations, or look one up", "[--issuer I] [--jti J | --sub S | …]",
     "Without a selector: prints how many revocations there are, by issuer, kind and source. With a selector: prints whether that\n"
     "revocation is in force, and which sources hold it; exit 0 if it is in force, 1 if it is not.\n",
     command_revocations},
    {"status", "show the agent's state", "", NULL, command_status},
    {"reload", "read the configuration, the policy and the key files again", "",
     "Does what SIGHUP does. If the agent refuses the new configuration, prints what is wrong with it; the old one stays in force.\n",
     command_reload},
    {"health", "ask whether the agent is ready", "",
     "For exec probes. Exit: 0 ready, 1 not ready (prints what is missing), 3 the agent is unreachable.\n",
     command_health},
    {"inspect", "check a token step by step, without an agent",
     "(--keys FILE [--issuer I] [--audience A] [--jws] [--now TIME] | --batch)",
     "Prints each check with the value that it looked at, up to the check that refuses the token. Allows every algorithm; HS256,\n"
     "HS384 and HS512 need secrets in the file. Allows no leeway, and does not look up revocations.\n"
     "--batch reads lines {\"id\",\"keys\":{…},\"token\",\"issuer\"?,\"audience\"?,\"now\"?,\"jws\"?},\n"
     "and prints a line {\"id\",\"active\",\"reason\"} for each.\n"
     "Exit: 0 accepted, or the batch is done; 1 refused; 2 wrong usage, or a file or line that cannot be read.\n",
     command_inspect},
    {"selftest", "run the known attacks on JWT verifiers against this version", "[--agent PATH]",
     "Starts an assayd with its own keys, socket and state in a temporary folder, sends it forged tokens, and prints the answer to\n"
     "each. Removes the folder afterwards. Does not touch running agents.\n"
     "Exit: 0 the agent refused every forged token and accepted every valid one, 1 it did not, 2 assayd was not found, 3 it did not\n"
     "start.\n",
     command_selftest},
    {"bench", "measure how fast the agent is on this machine",
     "[--mode local|socket|cold] (--tokens FILE | --key FILE --alg ALG --kid K --issuer I --audience A [--distinct N]) [OPTION]…",
     "Puts load on the running agent, and in alternating rounds on a bare echo server: it returns as many bytes over a Unix socket,\n"
     "which is the least that any server must do. Modes: local verifies the same tokens again through libassay, as a service does;\n"
     "socket asks the agent, which has the answers cached; cold sends each token once, until all are used up.\n"
     "Checks every answer. Prints a histogram if stdout is a terminal.\n"
     "Exit: 0 done, 1 the agent refused a token, 2 wrong usage or file, 3 undecided: the agent is unreachable or could not decide.\n",
     command_bench},
    {"policy", "test a policy or explain its decision, without an agent", "(test FILE | explain FILE --action A --resource R)", NULL,
     command_policy},
    {"keygen", "create a signing key", "--alg ALG --kid K --out FILE",
     "Writes the private key as PEM to FILE, which only its owner can read, and the public JWK Set to FILE.jwks.json.\n"
     "For HS256, HS384 and HS512, writes one secret as a JWK Set to FILE.\n",
     command_keygen},
#ifdef ASSAY_MINT
    {"mint", "sign a token", "--key FILE --alg ALG --kid K --issuer I --audience A --subject S --ttl D [--claim NAME=JSON]…",
     "Prints a JWT with iss, sub, aud, iat, exp, a random jti, and the claims of --claim.\n", command_mint},
#endif
};

#define LEADING_MAX 16 /* arguments of options before the command */

static void print_usage(FILE *out)
{
    fputs("assay: ask the Assay agent on this machine about tokens\n\nUsage: assay COMMAND [OPTION]…\n\nCommands:\n", out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-12s  %s\n", commands[i].name, commands[i].summary);
    fputs("\n'assay COMMAND --help' lists a command's options. 'assay --version' prints the version.\n"
          "--socket PATH, --timeout DURATION and --json may also come before COMMAND.\n"
          "Exit: 0 yes, 1 no, 2 wrong usage or input, 3 undecided.\n",
          out);
}

/* A command that this version does not have yet is reported like a misspelt one. A long name may be a token, if the user forgot the
   command, so it is not printed in full. */
static int unknown_command(const char *name)
{
    struct nearest nearest = {0};

    if (strlen(name) > 32)
        return report_bad_input("unknown command '%.16s…'; 'assay --help' lists the commands", name);
    for (size_t i = 0; i < COUNT(commands); i++)
        nearest_consider(&nearest, name, commands[i].name);
    if (nearest.name != NULL)
        return report_bad_input("unknown command '%s'; did you mean '%s'?", name, nearest.name);
    return report_bad_input("unknown command '%s'; 'assay --help' lists the commands", name);
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(&commands[i], argc, argv);
    return unknown_command(argv[0]);
}

/* Counts the arguments of options before the command, as far as those options are allowed there. */
static int count_leading(int argc, char **argv)
{
    int count = 0;

    while (count < argc && argv[count][0] == '-') {
        bool has_value = strcmp(argv[count], "--socket") == 0 || strcmp(argv[count], "--timeout") == 0;

        if (!has_value && strcmp(argv[count], "--json") != 0 && strncmp(argv[count], "--socket=", 9) != 0 &&
            strncmp(argv[count], "--timeout=", 10) != 0)
            break;
        count += has_value ? 2 : 1;
    }
    return count < argc ? count : argc;
}

/* Moves them behind the command's name, or behind the second name, where they mean the same. */
static void move_leading(int leading, char **argv)
{
    char *options[LEADING_MAX];
    int words = strcmp(argv[leading], "policy") == 0 && argv[leading + 1] != NULL ? 2 : 1;

    memcpy(options, argv, (size_t)leading * sizeof *argv);
    memmove(argv, argv + leading, (size_t)words * sizeof *argv);
    memcpy(argv + words, options, (size_t)leading * sizeof *argv);
}

static int run_behind_options(int argc, char **argv)
{
    int leading = count_leading(argc, argv);

    if (leading == argc)
        return report_bad_input("a command is missing; 'assay --help' lists the commands");
    if (leading > LEADING_MAX)
        return report_bad_input("too many options before the command");
    if (argv[leading][0] == '-' && argv[leading][1] != '\0')
        return report_bad_input("'%.32s' may not come before the command; only --socket, --timeout and --json may", argv[leading]);
    if (leading > 0)
        move_leading(leading, argv);
    return run(argc, argv);
}

int main(int argc, char **argv)
{
    /* Before parsing, so that errors in other options are printed as JSON too. */
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            report_as_json(true);

    if (argc < 2) {
        print_usage(stderr);
        return EXIT_BAD_INPUT;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("assay " ASSAY_VERSION);
        return report_yes();
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return report_yes();
    }
    return run_behind_options(argc - 1, argv + 1);
}
