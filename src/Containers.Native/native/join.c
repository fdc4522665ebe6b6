/*
 * The executable by which a process joins a running container. It has nothing of the host's memory: it maps the program of
 * steps it was given as a descriptor (its first argument), at the address the program was written for, and runs it.
 *
 * The first half enters the container's namespaces; the second half, run by a child of the same small memory, is seen
 * inside, applies the container's policy and executes the command.
 */
#include "alone.c"

/*
 * The caller sleeps until the child has executed or ended (CLONE_VFORK), and then tells the host in the kernel's place: its
 * memory is shared with nobody by then, so the kernel would clear no word.
 */
static void spawn(struct program *program, struct step *step, u64 flags, s64 cgroup)
{
    struct clone_args args = {
        .flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = 0,
        .child_tid = 0,
        .parent_tid = (u64)&program->pid,
        .exit_signal = 0, /* with CLONE_PARENT: the caller's own */
        .stack = (u64)program->stack,
        .stack_size = program->stack_size,
        .tls = 0,
        .set_tid = 0,
        .set_tid_size = 0,
        .cgroup = cgroup >= 0 ? (u64)cgroup : 0,
    };
    program->resume = (u64)(step - program->steps) + 1;
    s64 result = clone_into(NR_clone3, (s64)&args, sizeof args, program, run);
    step->result = result;
    step->ended = now();
    if (result < 0)
        program->failed = (s32)(step - program->steps);
    __atomic_store_n(&program->alive, 0, __ATOMIC_RELEASE);
    wake(&program->alive);
    leave(result < 0 ? 127 : 0);
}
