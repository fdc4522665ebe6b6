/* Reads rules by numbers, has libseccomp make a filter of them, and writes its instructions: the tests' oracle. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    unsigned action, count;
    int number, optimize = argc > 1 ? atoi(argv[1]) : 1;
    if (argc > 1 && strcmp(argv[1], "names") == 0) {
        char name[64];
        while (scanf("%63s", name) == 1)
            printf("%s %d\n", name, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name));
        return 0;
    }
    if (scanf("default %x ", &action) != 1)
        return 2;
    scmp_filter_ctx filter = seccomp_init(action);
    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
    while (scanf("rule %x %d %u ", &action, &number, &count) == 3) {
        struct scmp_arg_cmp compare[6];
        for (unsigned i = 0; i < count; i++) {
            unsigned index, op;
            unsigned long a, b;
            if (scanf("%u %u %lx %lx ", &index, &op, &a, &b) != 4)
                return 2;
            compare[i] = (struct scmp_arg_cmp){ index, op, a, b };
        }
        int result = seccomp_rule_add_exact_array(filter, action, number, count, compare);
        if (result && result != -EEXIST && result != -EACCES) /* EACCES: the default action again */
            return fprintf(stderr, "rule for %d: %s\n", number, strerror(-result)), 1;
    }
    return seccomp_export_bpf(filter, 1) ? 1 : 0;
}
