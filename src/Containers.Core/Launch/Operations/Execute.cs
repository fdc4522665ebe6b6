using Containers.Native;

namespace Containers.Launch;

/// <summary>Changes into the directory the command starts in.</summary>
internal sealed unsafe class EnterWorkingDirectory(string path) : LaunchOperation
{
    public override string Name => $"change to the working directory \"{path}\"";

    public override string Why => "Where the command starts; made when the image does not have it";

    public override void Compile(PlanCompiler plan)
    {
        int tried = plan.Program.Count;
        Open(plan, path).Tolerate(Errno.ENOENT);
        string parent = "/";
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            Open(plan, parent);
            plan.Add(SystemCall.mkdirat, plan.File, plan.Text(name), 0x1ed /* 0755 */).Tolerate(Errno.EEXIST);
            parent = parent + name + "/";
        }

        Open(plan, path);
        plan.Program.SetSkip(tried, plan.Program.Count - tried - 1);
        plan.Add(SystemCall.fchdir, plan.File);
    }

    // The root is entered, so that links lead nowhere else; but for those of /proc, which lead to descriptors of this process: chdir(2)
    // would follow a link of the image to /proc/self/fd/3.
    private static StepProgram.StepReference Open(PlanCompiler plan, string path)
    {
        Kernel.open_how* how = plan.Program.Data(new Kernel.open_how { flags = (uint)(Kernel.O_PATH | Kernel.O_DIRECTORY | Kernel.O_CLOEXEC), resolve = Kernel.RESOLVE_NO_MAGICLINKS });
        return plan.Add(SystemCall.openat2, Kernel.AT_FDCWD, plan.Text(path), how, sizeof(Kernel.open_how)).Into(plan.File);
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ENOTDIR => "Something on that path is a file.",
        Errno.EROFS => "It is not in the image, and the root is read-only.",
        _ => PlaceHints.For(errno, path),
    };
}

/// <summary>Leaves nothing of the runtime's own to the command: before the filter of system calls, under which less is possible.</summary>
internal sealed class SettleProcess(int umask) : LaunchOperation
{
    public override string Name => "settle the process";

    public override string Why => "Descriptors of the runtime are closed when the command is executed, signals do what they do by default";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.umask, umask);
        if (plan.Features.CloseOnExecByRange) // before, all are opened to be closed then, one by one; with it, also what would be forgotten
        {
            plan.Add(SystemCall.close_range, 3, uint.MaxValue, Kernel.CLOSE_RANGE_CLOEXEC);
        }

        plan.Program.AddSignalDefaults();
    }

    public override void Shell(ShellScript script)
    {
    }
}

/// <summary>Becomes the command.</summary>
internal sealed unsafe class Execute(LaunchRequest request) : LaunchOperation
{
    public override string Name => $"execute \"{request.Arguments[0]}\"";

    public override string Why => "The child becomes the command, and stops to share the host's memory";

    public override void Compile(PlanCompiler plan)
    {
        byte** arguments = plan.Program.Texts(request.Arguments);
        byte** environment = plan.Program.Texts(request.Environment);
        foreach (string candidate in Candidates())
        {
            plan.Add(SystemCall.execve, plan.Text(candidate), arguments, environment).Tolerate(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES);
        }

        // Only where nothing could be executed: was there something at all? An execve that misses the file's
        // interpreter says ENOENT too. A profile need not allow the question.
        if (plan.Filter?.Allows(SystemCall.faccessat) != false)
        {
            foreach (string candidate in Candidates())
            {
                plan.Add(SystemCall.faccessat, Kernel.AT_FDCWD, plan.Text(candidate), 0).Tolerate(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES, Errno.ELOOP);
            }
        }

        plan.Program.AddFailure();
    }

    public override void Shell(ShellScript script)
    {
        string ids = $"--userspec={request.UserId}:{request.GroupId} --groups={string.Join(',', request.SupplementaryGroups)}";
        string command = string.Join(' ', request.Arguments.Select(ShellScript.Quote));
        if (request.WorkingDirectory != "/")
        {
            command = $"/bin/sh -c 'cd \"$0\" && exec \"$@\"' {ShellScript.Quote(request.WorkingDirectory)} {command}";
        }

        script.Chain.Add($"env -i {string.Join(' ', request.Environment.Select(ShellScript.Quote))}");
        script.Chain.Add($"\"$(command -v chroot)\" {ids} . {command}");
    }

    /// <summary>Reads from the steps why nothing was executed.</summary>
    public LaunchException Explain(StepProgram program, int failed)
    {
        string command = request.Arguments[0];
        Errno last = Errno.ENOENT;
        bool exists = false;
        for (int i = 0; i <= failed; i++)
        {
            ref readonly StepProgram.Step step = ref program[i];
            if (step.Call == SystemCall.execve.Number && step.Ended != 0 && (Errno)(-step.Result) is not (Errno.ENOENT or Errno.ENOTDIR))
            {
                last = (Errno)(-step.Result);
            }

            exists |= step.Call == SystemCall.faccessat.Number && step.Ended != 0 && step.Result >= 0;
        }

        return last switch
        {
            Errno.ENOENT when exists => new CommandNotFoundException(command, "It is there, but the interpreter or loader it names is not in the image."),
            Errno.ENOENT => new CommandNotFoundException(command, command.Contains('/', StringComparison.Ordinal) ? "There is no such file in the image." : $"It is in no directory of PATH={request.SearchPath}."),
            Errno.ENOEXEC => new CommandNotExecutableException(command, last, "It is no program for this machine, and no script that begins with #!."),
            Errno.EACCES => new CommandNotExecutableException(command, last, "It is a directory, or lacks the permission to be executed by this user, or lies on a file system mounted noexec." + (request.Spec.Landlock is null ? "" : " The Landlock rules have to allow it, too, and its interpreter or loader.")),
            _ => new CommandNotExecutableException(command, last, null),
        };
    }

    // As execvp(3) searches: a name with a '/' is a path.
    private IEnumerable<string> Candidates()
    {
        string command = request.Arguments[0];
        if (command.Contains('/', StringComparison.Ordinal) || command.Length == 0)
        {
            yield return command;
            yield break;
        }

        foreach (string directory in request.SearchPath.Split(':'))
        {
            yield return directory.Length == 0 ? command : $"{directory}/{command}";
        }
    }
}
