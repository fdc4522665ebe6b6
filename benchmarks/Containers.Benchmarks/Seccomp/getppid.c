/*
 * What a filter costs: reads programs of struct sock_filter from files, installs them in their order, and calls getppid.
 * Prints nanoseconds a call: of the quickest of many short rounds, since whatever else the machine does only adds, and of the median one.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 400 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct sock_filter filter[BPF_MAXINSNS];
    double rounds[ROUNDS];
    long calls = argc > 1 ? atol(argv[1]) : 1000;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return perror("no_new_privs"), 1;
    for (int i = 2; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file)
            return perror(argv[i]), 1;
        struct sock_fprog program = { .len = (unsigned short)fread(filter, sizeof filter[0], BPF_MAXINSNS, file), .filter = filter };
        fclose(file);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
            return perror("seccomp"), 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double began = now();
        for (long i = 0; i < calls; i++)
            syscall(SYS_getppid);
        rounds[round] = (now() - began) / (double)calls;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], compare);
    printf("%.2f %.2f\n", rounds[0], rounds[ROUNDS / 2]);
    return 0;
}
