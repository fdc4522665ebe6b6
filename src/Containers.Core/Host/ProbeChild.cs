using Containers.Native;

namespace Containers.Host;

/// <summary>A child that tries something in namespaces of its own, and is gone.</summary>
internal static unsafe class ProbeChild
{
    /// <summary>Runs steps in new namespaces.</summary>
    /// <returns>What the kernel answered first that was not success, and to which call; null when all went well.</returns>
    public static (string Call, Errno Errno)? Try(ulong namespaces, Action<StepProgram> steps)
    {
        using StepProgram program = new();
        steps(program);
        LaunchedChild child;
        try
        {
            child = Launcher.Launch(program, namespaces);
        }
        catch (KernelException e)
        {
            return ("clone3", e.Errno);
        }

        using (child.Handle)
        {
            bool done = child.WaitForExec();
            child.Handle.WaitForExit();
            child.Handle.TryReap(out _, out _);
            return done ? null : (SystemCall.NameOf(program[program.Failed].Call), (Errno)(-program[program.Failed].Result));
        }
    }

    /// <summary>One id each, this process's own, as root inside: what every user may write. user_namespaces(7).</summary>
    public static void AddOwnMaps(StepProgram program)
    {
        Write("/proc/self/setgroups", "deny");
        Write("/proc/self/uid_map", $"0 {Kernel.geteuid()} 1");
        Write("/proc/self/gid_map", $"0 {Kernel.getegid()} 1");

        void Write(string path, string text)
        {
            Slot file = program.NewSlot();
            program.Add(SystemCall.openat, Kernel.AT_FDCWD, program.Text(path), Kernel.O_WRONLY | Kernel.O_CLOEXEC).Into(file);
            program.Add(SystemCall.write, file, program.Text(text), text.Length);
        }
    }

    /// <summary>Mounts made from here on stay in the namespace.</summary>
    public static void AddPrivateMounts(StepProgram program)
        => program.Add(SystemCall.mount, 0, program.Text("/"), 0, Kernel.MS_REC | Kernel.MS_PRIVATE, 0);

    /// <summary>"mount: EPERM (Operation not permitted)".</summary>
    public static string Describe((string Call, Errno Errno) failure) => $"{failure.Call}: {ErrnoText.Describe(failure.Errno)}";
}
