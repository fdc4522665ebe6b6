/* Makes a system call by its number and says how it went; "i386" makes one as a 32-bit program would, "x32" as one for x32. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long a[7] = {0};
    if (argc > 1 && strcmp(argv[1], "i386") == 0) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); /* getpid */
        return printf("%ld\n", result), 0;
    }
    if (argc > 1 && strcmp(argv[1], "x32") == 0)
        return printf("%ld\n", syscall(0x40000000 + 39)), 0; /* getpid */
    for (int i = 1; i < argc && i <= 7; i++)
        a[i - 1] = (long)strtoul(argv[i], 0, 0);
    long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    printf("%s\n", result < 0 ? strerrorname_np(errno) : "done");
    return 0;
}
