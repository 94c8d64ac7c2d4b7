/* assay: the command line of the agent. Finds the command; each is a file of its own. */
#include <stdio.h>
#include <string.h>

#include "assay/assay.h"
#include "client/wire/nearest.h"
#include "command.h"
#include "publish.h"

static const struct command commands[] = {
    {"verify", "is a token good?", "[--audience A] [--token T | --token-file F]",
     "Prints the claims of a good token as JSON. The token is read from stdin unless an option says otherwise.\n"
     "With --json: {\"active\":true,\"claims\":{…},…} or {\"active\":false,\"reason\":…}.\n"
     "Exit: 0 good, 1 refused, 2 wrong usage, 3 the agent could not be asked or could not decide.\n",
     command_verify},
    {"authorize", "may a token's holder do this?", "--action A --resource R [--audience A] [--token T | --token-file F]",
     "Prints the rule of the policy that allows it, or says why it is denied and with which HTTP status: 401, no good token;\n"
     "403, one that may not. The token is read from stdin unless an option says otherwise; an empty one, or a terminal on\n"
     "stdin, is none.\n"
     "With --json: {\"allow\":…,\"status\":…,\"reason\":…,\"rule\":…,\"subject\":…,\"roles\":[…],\n"
     "\"issuer\":…,\"expires_at\":…,\"scopes\":[…]}.\n"
     "Exit: 0 allowed, 1 denied, 2 wrong usage, 3 the agent could not be asked or could not decide.\n",
     command_authorize},
    {"revoke", "refuse tokens from now on",
     "(--jti J | --sub S [--before TIME] | --sid S | --kid K | --jkt T | --token T | --all --before TIME) [--issuer I] [--ttl D] "
     "[--to URL]",
     "Returns when the revocation is on disk and in force for every client of the agent. --token checks its signature first;\n"
     "an expired token will do. TIME is Unix seconds or RFC 3339; tokens issued in that very second are included.\n"
     PUBLISH_DETAILS,
     command_revoke},
    {"unrevoke", "take a revocation back",
     "(--jti J | --sub S | --sid S | --kid K | --jkt T | --token T | --all) [--issuer I] [--all-sources | --to URL]",
     "Takes back what operators said with 'assay revoke', and tells who else still says so: feeds speak for themselves.\n"
     PUBLISH_DETAILS,
     command_unrevoke},
    {"revocations", "count revocations, or look one up", "[--issuer I] [--jti J | --sub S | …]",
     "Without a selector: how many there are, by issuer, kind and source. With one: does it stand, and who said so;\n"
     "exit 0 if it stands, 1 if it does not.\n",
     command_revocations},
    {"status", "what the agent has and does", "", NULL, command_status},
    {"reload", "read the configuration, the policy and the key files again", "",
     "As SIGHUP; tells what is wrong if it is refused, and then the old configuration goes on.\n", command_reload},
    {"health", "is the agent ready?", "", "For exec probes. Exit: 0 ready, 1 not yet (it says what is missing), 3 not reachable.\n",
     command_health},
    {"inspect", "take a token through the checks, without an agent",
     "(--keys FILE [--issuer I] [--audience A] [--jws] [--now TIME] | --batch)",
     "Shows each check, what it saw, and where it stopped. Every algorithm is allowed, HS256 and its like if the file holds\n"
     "secrets; there is no leeway; revocations are not looked up.\n"
     "--batch: in come lines {\"id\",\"keys\":{…},\"token\",\"issuer\"?,\"audience\"?,\"now\"?,\"jws\"?},\n"
     "out go lines {\"id\",\"active\",\"reason\"}.\n"
     "Exit: 0 good, or the batch is done; 1 refused; 2 wrong usage, or a file or line that cannot be read.\n",
     command_inspect},
    {"selftest", "try the known attacks on JWT verifiers on this version", "[--agent PATH]",
     "Starts an assayd with keys, socket and state of its own in a folder that is removed afterwards, fires forged tokens at it, and\n"
     "prints what it answered to each. Running agents are left alone.\n"
     "Exit: 0 none got through, 1 one did, or a good token was refused; 2 no assayd was found, 3 it did not start.\n",
     command_selftest},
    {"bench", "how fast is the agent here?",
     "[--mode local|socket|cold] (--tokens FILE | --key FILE --alg ALG --kid K --issuer I --audience A [--distinct N]) [OPTION]…",
     "Puts load on the running agent, and in turns with it on a bare echo of as many bytes over a Unix socket, the least that any server\n"
     "can do. local: repeats through libassay, as a service makes them; socket: cached answers; cold: until the tokens are used up.\n"
     "Every answer is checked. On a terminal there is a histogram.\n"
     "Exit: 0 done, 1 a token was refused, 2 wrong usage or file, 3 the agent could not be asked or could not decide.\n",
     command_bench},
    {"policy", "test a policy, or explain what it decides, without an agent", "(test FILE | explain FILE --action A --resource R)", NULL,
     command_policy},
    {"keygen", "make a signing key", "--alg ALG --kid K --out FILE",
     "Writes the private key as PEM to FILE, readable by its owner only, and the public JWK set to FILE.jwks.json.\n"
     "HS256, HS384, HS512: one secret, as a JWK set in FILE.\n",
     command_keygen},
#ifdef ASSAY_MINT
    {"mint", "sign a token", "--key FILE --alg ALG --kid K --issuer I --audience A --subject S --ttl D [--claim NAME=JSON]…",
     "Prints a JWT with iss, sub, aud, iat, exp, a random jti, and the claims given.\n", command_mint},
#endif
};

#define LEADING_MAX 16 /* arguments of options before the command */

static void print_usage(FILE *out)
{
    fputs("assay: ask the Assay agent on this machine about tokens\n\nUsage: assay COMMAND [OPTION]…\n\nCommands:\n", out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-12s  %s\n", commands[i].name, commands[i].summary);
    fputs("\n'assay COMMAND --help' has the options of each. 'assay --version' tells the version.\n"
          "--socket PATH, --timeout DURATION and --json may also stand before COMMAND.\n"
          "Exit: 0 yes, 1 no, 2 wrong usage or input, 3 could not decide.\n",
          out);
}

/* A command that is not there yet in this version is as unknown as a misspelt one. A long name may be a token before which the
   command was forgotten, and is not repeated. */
static int unknown_command(const char *name)
{
    struct nearest nearest = {0};

    if (strlen(name) > 32)
        return report_bad_input("unknown command '%.16s…'; 'assay --help' lists those that there are", name);
    for (size_t i = 0; i < COUNT(commands); i++)
        nearest_consider(&nearest, name, commands[i].name);
    if (nearest.name != NULL)
        return report_bad_input("unknown command '%s'; did you mean '%s'?", name, nearest.name);
    return report_bad_input("unknown command '%s'; 'assay --help' lists them", name);
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(&commands[i], argc, argv);
    return unknown_command(argv[0]);
}

/* How many arguments of options stand before the command; and whether those are options that may stand there. */
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

/* They go behind the command's name, or its second one, and mean what they mean there. */
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
        return report_bad_input("a command is missing; 'assay --help' lists them");
    if (leading > LEADING_MAX)
        return report_bad_input("too many options before the command");
    if (argv[leading][0] == '-' && argv[leading][1] != '\0')
        return report_bad_input("'%.32s' may not stand before the command, where --socket, --timeout and --json may", argv[leading]);
    if (leading > 0)
        move_leading(leading, argv);
    return run(argc, argv);
}

int main(int argc, char **argv)
{
    /* Before anything is parsed: what is wrong with the other options is told in JSON as well. */
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
