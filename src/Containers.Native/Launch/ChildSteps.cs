namespace Containers.Native;

/// <summary>Steps that every child of ours takes, whatever it becomes.</summary>
internal static unsafe class ChildSteps
{
    // SIGKILL and SIGSTOP cannot be ignored.
    private const int FirstSignal = 1, LastSignal = 31, SIGSTOP = 19, SigactionSize = 32;

    /// <summary>It is killed when this process ends.</summary>
    /// <param name="hostPidFd">A pidfd of this process.</param>
    public static void AddDieWith(this StepProgram program, int hostPidFd)
    {
        program.Add(SystemCall.prctl, Kernel.PR_SET_PDEATHSIG, Kernel.SIGKILL);
        // The host may have died between clone3 and here: then nothing would ever signal us.
        Kernel.pollfd* poll = program.Data(new Kernel.pollfd { fd = hostPidFd, events = Kernel.POLLIN });
        program.Add(SystemCall.ppoll, poll, 1, program.Data(default(Kernel.timespec)), 0, 8).ExpectZero();
    }

    /// <summary>
    /// All signals do what they do by default, and none is blocked. What the host ignores would be ignored by the command, too:
    /// clone3 resets what is caught and no more. .NET ignores SIGPIPE, by which the first half of a pipeline ends when the second
    /// one does; and a host in a shell's background, SIGQUIT. All of them, since .NET changes its mind while it runs.
    /// </summary>
    public static void AddSignalDefaults(this StepProgram program)
    {
        byte* byDefault = program.Bytes(stackalloc byte[SigactionSize]);
        for (int signal = FirstSignal; signal <= LastSignal; signal++)
        {
            if (signal is not (Kernel.SIGKILL or SIGSTOP))
            {
                program.Add(SystemCall.rt_sigaction, signal, byDefault, 0, 8);
            }
        }

        program.Add(SystemCall.rt_sigprocmask, Kernel.SIG_SETMASK, program.Data(0UL), 0, 8);
    }
}
