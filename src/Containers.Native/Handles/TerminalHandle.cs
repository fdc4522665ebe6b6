namespace Containers.Native;

/// <summary>This process's side of a pseudoterminal: the master of pty(7).</summary>
internal sealed unsafe class TerminalHandle : DescriptorHandle
{
    public TerminalHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Takes the terminal that a child has sent through a socket, once it has.</summary>
    /// <exception cref="ContainerException">What has come is no terminal.</exception>
    public static TerminalHandle Receive(DescriptorHandle socket)
    {
        byte data;
        Kernel.iovec vector = new() { iov_base = &data, iov_len = 1 };
        Kernel.cmsg_descriptor control = default;
        Kernel.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &control, msg_controllen = (ulong)sizeof(Kernel.cmsg_descriptor) };
        Kernel.Check(Kernel.Call(SystemCall.recvmsg, socket.Descriptor, (long)(&message), Kernel.MSG_CMSG_CLOEXEC | Kernel.MSG_DONTWAIT), "receive the terminal");
        if (message.msg_controllen < Kernel.CMSG_DESCRIPTOR_LENGTH || (control.cmsg_level, control.cmsg_type) != (Kernel.SOL_SOCKET, Kernel.SCM_RIGHTS))
        {
            throw new ContainerException("The container's terminal did not come: the message has no descriptor in it.");
        }

        TerminalHandle terminal = new(control.descriptor);
        try
        {
            int number;
            Kernel.Check(Kernel.Call(SystemCall.ioctl, terminal.Descriptor, Kernel.TIOCGPTN, (long)(&number)), "use the terminal"); // a master, and nothing that someone inside has put there
            Kernel.Check(Kernel.fcntl(terminal.Descriptor, Kernel.F_SETFL, Kernel.O_RDWR | Kernel.O_NONBLOCK), "use the terminal");
            return terminal;
        }
        catch
        {
            terminal.Dispose();
            throw;
        }
    }

    /// <summary>A second descriptor of it.</summary>
    public int Duplicate()
    {
        using Use use = Borrow();
        return (int)Kernel.Check(Kernel.Call(SystemCall.fcntl, use.Descriptor, Kernel.F_DUPFD_CLOEXEC, 3), "duplicate a descriptor");
    }

    /// <summary>Its size in characters. The kernel tells the processes in its foreground of a new one, by SIGWINCH.</summary>
    public (int Columns, int Rows) Size
    {
        get
        {
            using Use use = Borrow();
            Kernel.winsize size;
            Kernel.Check(Kernel.Call(SystemCall.ioctl, use.Descriptor, Kernel.TIOCGWINSZ, (long)(&size)), "tell the terminal's size");
            return (size.ws_col, size.ws_row);
        }

        set
        {
            using Use use = Borrow();
            Kernel.winsize size = new() { ws_col = (ushort)value.Columns, ws_row = (ushort)value.Rows };
            Kernel.Check(Kernel.Call(SystemCall.ioctl, use.Descriptor, Kernel.TIOCSWINSZ, (long)(&size)), "set the terminal's size");
        }
    }
}
