/*
 * Starts a program again and again for someone who must not be billed for anything but it: posix_spawn and waitpid,
 * timed here. Driven over stdin and stdout: a byte asks for a run, eight bytes answer with its nanoseconds, or -1.
 *
 *   spawner PROGRAM ARGUMENTS…
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t streams;
    char byte;

    if (argc < 2)
        return 2;
    setsid(); /* Ctrl-C is for the program that drives this one: it closes the pipe */
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&streams, 0, 1);
    while (read(0, &byte, 1) == 1) {
        pid_t pid;
        int status = -1;
        uint64_t began = now();
        int error = posix_spawnp(&pid, argv[1], &streams, NULL, argv + 1, environ);
        if (error == 0)
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        int64_t answer = (int64_t)(now() - began);
        if (error != 0)
            fprintf(stderr, "%s: %s\n", argv[1], strerror(error));
        if (error != 0 || status != 0)
            answer = -1;
        if (write(1, &answer, sizeof answer) != sizeof answer)
            return 1;
    }
    return 0;
}
