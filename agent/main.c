/* assayd: the agent. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "agent/base/log.h"
#include "agent/keys/keyring.h"
#include "agent/outbound/threads.h"
#include "agent/revocation/salvage.h"
#include "confine.h"

static const char help[] =
    "Usage: assayd --config FILE [--check]\n"
    "       assayd --salvage OLD NEW\n"
    "\n"
    "Runs the Assay agent in the foreground. It verifies tokens (JWT) for the services on this machine, over a Unix socket.\n"
    "\n"
    "  --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
    "  --check        check the configuration and the key files, report each fault with file, line and column, and exit\n"
    "  --salvage OLD NEW  copy what can be read of the damaged state folder OLD into NEW, and report what is lost\n"
    "  --help         print this help and exit\n"
    "  --version      print the version and exit\n"
    "\n"
    "On SIGHUP the agent reads the configuration and the keys again; if the configuration is bad, the old one stays in force as a "
    "whole.\n"
    "On SIGTERM it finishes the requests under way and stops.\n"
    "A minimal configuration:\n"
    "\n"
    "  issuers:\n"
    "    - issuer: https://auth.example.com\n"
    "      keys: {file: /etc/assay/keys.json}\n"
    "      audiences: [orders]\n";

struct options {
    const char *config;
    bool check;
    const char *salvage; /* the old folder */
};

static int bad_salvage(void)
{
    fputs("assayd: --salvage needs the old state folder and a new one: assayd --salvage /var/lib/assay /var/lib/assay.new\n",
          stderr);
    return 2;
}

static int run_salvage(const char *old, const char *new)
{
    char why[STORE_WHY_BYTES];
    struct salvaged salvaged;

    log_setup(LOG_ERROR, false);
    if (salvage(old, new, &salvaged, why) < 0) {
        fprintf(stderr, "assayd: %s\n", why);
        return 2;
    }
    printf("copied into %s: %" PRIu64 " revocations, %" PRIu64 " keys under revoked kids, %" PRIu64 " unreadable lines\n",
           new, salvaged.records, salvaged.covers, salvaged.lines);
    if (salvaged.unreadable_pages > 0)
        printf("%" PRIu64 " pages could not be read from the disk\n", salvaged.unreadable_pages);
    if (salvaged.lost <= 0) {
        printf("nothing is missing. Move the old folder away and the new one into its place\n");
        return 0;
    }
    fprintf(
        stderr,
        "assayd: about %.3g %% of all revocations are lost. The agent reads feeds again from their start, which restores their "
        "revocations, but not those that operators made. To be safe, refuse all tokens issued until now: "
        "assay revoke --all --before $(date +%%s)\n",
        salvaged.lost * 100);
    return 1;
}

/* -1: continue; otherwise the exit code. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},   {"salvage", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},         {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'k':
            options->check = true;
            break;
        case 's':
            options->salvage = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            puts("assayd " ASSAY_VERSION);
            return 0;
        default:
            fputs("assayd --help lists the options\n", stderr);
            return 2;
        }
    }
    if (options->salvage != NULL)
        return optind + 1 == argc ? run_salvage(options->salvage, argv[optind]) : bad_salvage();
    if (optind < argc) {
        fprintf(stderr, "assayd: `%s` is not an option; give the configuration with --config FILE\n", argv[optind]);
        return 2;
    }
    return -1;
}

static void tell_warnings(const struct keyring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) {
        const struct keyset *keys = ring->entries[i].keys;

        for (unsigned w = 0; w < keys->warnings; w++)
            fprintf(stderr, "%s: warning: %s\n", ring->config->issuers[i].keys.name, keys->warning[w]);
        if (keys->note[0] != '\0')
            fprintf(stderr, "%s: warning: %s\n", ring->config->issuers[i].keys.name, keys->note);
        if (keys->skipped > keys->warnings)
            fprintf(stderr, "%s: warning: %u more keys are skipped\n", ring->config->issuers[i].keys.name,
                    keys->skipped - keys->warnings);
    }
    for (unsigned i = 0; ring->policy != NULL && i < ring->policy->warnings.count; i++)
        fprintf(stderr, "%s (a warning)\n", ring->policy->warnings.text[i]);
}

/* If the process was started without them, the first file that it opens would get the number of stderr, and log lines would be written into it. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
            _exit(1);
    }
}

/* Large blocks go back to the system when they are freed. By default malloc keeps more with each large block, and an agent that has once read a
   long feed would hold its buffers for good. */
static void keep_little_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

int main(int argc, char **argv)
{
    struct options options = {.config = CONFIG_PATH_DEFAULT};
    struct faults faults = {0};

    open_standard_descriptors();
    confine_early();
    keep_little_memory();
    int code = read_options(argc, argv, &options);

    if (code >= 0)
        return code;
    struct config *config = config_load(options.config, &faults);
    struct keyring *ring = config != NULL ? keyring_load(config, unix_now(), &faults) : NULL;

    for (unsigned i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", faults.text[i]);
    if (ring == NULL) {
        fprintf(stderr, "assayd: %s is refused, %u fault%s\n", options.config, faults.count, faults.count == 1 ? "" : "s");
        config_drop(config);
        faults_clear(&faults);
        return 2;
    }
    if (!options.check)
        threads_exit(agent_run(ring, options.config) == 0 ? 0 : 1);
    tell_warnings(ring);
    printf("%s: good, %u issuer%s", options.config, ring->count, ring->count == 1 ? "" : "s");
    if (ring->policy != NULL)
        printf(", %u rule%s", ring->policy->rule_count, ring->policy->rule_count == 1 ? "" : "s");
    putchar('\n');
    keyring_drop(ring);
    return 0;
}
