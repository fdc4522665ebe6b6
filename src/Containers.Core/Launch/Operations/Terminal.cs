using Containers.Native;

namespace Containers.Launch;

/// <summary>Makes a terminal in the container's devpts, whose other side the host gets, and the command's streams of it.</summary>
/// <remarks>By TIOCGPTPEER (Linux 4.13) and not by its name, so that nothing at that path can be taken for it.</remarks>
internal sealed unsafe class OpenTerminal(LaunchRequest request, bool first) : LaunchOperation
{
    private const uint Root = 0;

    public override string Name => "open a terminal";

    public override string Why => "A pseudoterminal of the container's own: the command has one side of it, and the host the other";

    public override void Compile(PlanCompiler plan)
    {
        const int ReadWrite = Kernel.O_RDWR | Kernel.O_NOCTTY | Kernel.O_CLOEXEC;
        if (first)
        {
            plan.Add(SystemCall.openat, plan.Dev, StepProgram.Constant("pts/ptmx"), ReadWrite, 0).Into(plan.File);
        }
        else
        {
            // Mounts of ours are on the way, which nobody inside replaces; if someone can (CAP_SYS_ADMIN), no link leads elsewhere at least.
            Kernel.open_how* how = plan.Program.Data(new Kernel.open_how { flags = ReadWrite, resolve = Kernel.RESOLVE_NO_SYMLINKS | Kernel.RESOLVE_NO_MAGICLINKS });
            plan.Add(SystemCall.openat2, Kernel.AT_FDCWD, StepProgram.Constant("/dev/pts/ptmx"), how, sizeof(Kernel.open_how)).Into(plan.File);
        }

        TerminalSize size = request.Terminal!;
        plan.Add(SystemCall.ioctl, plan.File, Kernel.TIOCSPTLCK, plan.Program.Data(0));
        plan.Add(SystemCall.ioctl, plan.File, Kernel.TIOCSWINSZ, plan.Program.Data(new Kernel.winsize { ws_col = (ushort)size.Columns, ws_row = (ushort)size.Rows }));
        plan.Add(SystemCall.ioctl, plan.File, Kernel.TIOCGPTPEER, ReadWrite).Into(plan.Mount);
        if (request.UserId != Root)
        {
            plan.Add(SystemCall.fchown, plan.Mount, request.UserId, -1);
        }

        // The number in the message has to be known beforehand: one that is to become a stream right after it.
        plan.Add(SystemCall.dup3, plan.File, 2, 0);
        Send(plan, 2);
        for (int i = 0; i <= 2; i++)
        {
            plan.Add(SystemCall.dup3, plan.Mount, i, 0);
        }

        plan.Add(SystemCall.close, plan.File); // while a copy is here, the host's closing of it ends nothing
        plan.Add(SystemCall.close, plan.Mount);
        plan.Add(SystemCall.close, request.TerminalSocket);
        if (request.Init is null)
        {
            Control(plan);
        }

        if (first)
        {
            plan.Add(SystemCall.mknodat, plan.Dev, StepProgram.Constant("console"), Kernel.S_IFREG | 0x180 /* 0600 */, 0);
            plan.Add(SystemCall.open_tree, plan.Dev, StepProgram.Constant("pts/0"), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC).Into(plan.Mount);
            plan.Attach(plan.Mount, plan.Dev, "console");
        }
    }

    /// <summary>Makes it the controlling terminal of a process that is the first of its session: /dev/tty is it then, and its keys send signals.</summary>
    public static void Control(PlanCompiler plan) => plan.Add(SystemCall.ioctl, 0, Kernel.TIOCSCTTY, 0);

    public override void Shell(ShellScript script)
    {
        script.Because("The runtime makes a pseudoterminal in the container's devpts here. A shell cannot; script(1) does the like around a command.");
        script.Inside("# script -qec COMMAND /dev/null");
    }

    public override string? Hint(Errno errno) => errno == Errno.ENOSPC ? "The host has no more pseudoterminals: sysctl kernel.pty.max." : null;

    // sendmsg(2) with SCM_RIGHTS: needs no privilege and no gate, and cannot come from anyone else.
    private void Send(PlanCompiler plan, int descriptor)
    {
        Kernel.cmsg_descriptor* control = plan.Program.Data(new Kernel.cmsg_descriptor { cmsg_len = Kernel.CMSG_DESCRIPTOR_LENGTH, cmsg_level = Kernel.SOL_SOCKET, cmsg_type = Kernel.SCM_RIGHTS, descriptor = descriptor });
        Kernel.iovec* vector = plan.Program.Data(new Kernel.iovec { iov_base = plan.Program.Data((byte)0), iov_len = 1 });
        Kernel.msghdr* message = plan.Program.Data(new Kernel.msghdr { msg_iov = vector, msg_iovlen = 1, msg_control = control, msg_controllen = (ulong)sizeof(Kernel.cmsg_descriptor) });
        plan.Add(SystemCall.sendmsg, request.TerminalSocket, message, 0);
    }
}
