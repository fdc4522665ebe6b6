using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Containers.Native;

namespace Containers.Networking;

/// <summary>
/// The network of a container without root: pasta (package passt) has a tap device in the container's namespace and
/// ordinary sockets in the host's, and carries what is said from one to the other. One process for each container.
/// </summary>
/// <remarks>It is killed with this process (PR_SET_PDEATHSIG), and its device goes with it: there is nothing to find afterwards.</remarks>
internal sealed class PastaProcess : IDisposable
{
    private const string Program = "pasta", UsualPath = "/usr/local/bin:/usr/bin:/bin";

    // What it says when there is no system logger, once for each message.
    private const string Noise = " bytes to syslog";

    private readonly PidHandle _process;
    private readonly PipeStream _messages;

    private PastaProcess(int pid, PidHandle process, PipeStream messages, IReadOnlyList<PastaPort> ports)
        => (Pid, _process, _messages, Ports) = (pid, process, messages, ports);

    public int Pid { get; }

    /// <summary>The ports as they are: none is 0.</summary>
    public IReadOnlyList<PastaPort> Ports { get; }

    /// <summary>Starts it. The container's interface is up, with addresses and routes, when this returns.</summary>
    /// <param name="networkNamespace">The container's.</param>
    /// <param name="userNamespace">The user namespace that it belongs to; null when that is this process's own.</param>
    /// <param name="options">What it does.</param>
    /// <exception cref="ContainerException">It is not installed, or it refused: a port is taken, or the host has no network.</exception>
    public static unsafe PastaProcess Start(NamespaceHandle networkNamespace, NamespaceHandle? userNamespace, PastaOptions options)
    {
        string program = Find(options.SearchPath ?? Environment.GetEnvironmentVariable("PATH") ?? UsualPath);
        PastaOptions chosen = options with { Ports = [.. options.Ports.Select(Choose)] };
        int* ends = stackalloc int[2];
        Kernel.Check(Kernel.pipe2(ends, 0), "pipe2");
        PipeStream messages = new(ends[0], reads: true);
        using PathHandle childEnd = new(ends[1]);
        Kernel.fcntl(ends[0], Kernel.F_SETFL, Kernel.O_NONBLOCK);
        LaunchedChild? child = null;
        try
        {
            using StepProgram steps = new();
            using PathHandle host = new((int)Kernel.Check(Kernel.pidfd_open(Environment.ProcessId), "pidfd_open", "self"));
            using DescriptorHandle.Use network = networkNamespace.Borrow();
            Write(steps, program, PastaArguments.Of(chosen, userNamespace is not null), host.Descriptor, network.Descriptor, userNamespace?.Descriptor, childEnd.Descriptor);
            child = Launcher.Launch(steps, 0, Program);
            bool executed = child.WaitForExec();
            GC.KeepAlive(userNamespace);
            childEnd.Dispose();
            if (!executed)
            {
                throw new KernelException("execute", program, (Errno)(-steps[steps.Failed].Result));
            }

            WaitUntilReady(messages, child.Pid);
            _ = DrainAsync(messages);
            return new PastaProcess(child.Pid, child.Handle, messages, chosen.Ports);
        }
        catch
        {
            messages.Dispose();
            if (child is not null)
            {
                End(child.Handle);
            }

            throw;
        }
    }

    /// <summary>Ends it. The container's interface is gone then, and the ports are free.</summary>
    public void Dispose()
    {
        if (!_process.IsClosed)
        {
            End(_process);
            _messages.Dispose();
        }
    }

    // What it holds is sockets and a device, which need no farewell.
    private static void End(PidHandle process)
    {
        using (process)
        {
            process.Signal(Kernel.SIGKILL);
            process.WaitForExit();
            process.TryReap(out _, out _);
        }
    }

    private static string Find(string path)
        => path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists)
            ?? throw new ContainerException($"{Program} is not installed: it is in no directory of PATH={path}.", "Networks without root go through it; it comes with the package passt.");

    // Someone else may take the port before pasta does; then pasta says so.
    private static PastaPort Choose(PastaPort port)
    {
        if (port.HostPort != 0)
        {
            return port;
        }

        SocketType type = port.Protocol == ProtocolType.Udp ? SocketType.Dgram : SocketType.Stream;
        IPAddress address = port.Address ?? IPAddress.Any;
        using Socket socket = new(address.AddressFamily, type, port.Protocol);
        socket.Bind(new IPEndPoint(address, 0));
        return port with { HostPort = ((IPEndPoint)socket.LocalEndPoint!).Port };
    }

    private static unsafe void Write(StepProgram steps, string program, List<string> arguments, int host, int network, int? user, int messages)
    {
        const int Free = 3; // above what is written over below, wherever this process had its descriptors
        steps.AddDieWith(host);
        ReadOnlySpan<(int From, int To)> descriptors =
        [
            (network, PastaArguments.NetworkNamespace), (user ?? network, PastaArguments.UserNamespace), (messages, PastaArguments.Messages),
        ];
        Span<Slot> copies = [steps.NewSlot(), steps.NewSlot(), steps.NewSlot()];
        for (int i = 0; i < descriptors.Length; i++)
        {
            steps.Add(SystemCall.fcntl, descriptors[i].From, Kernel.F_DUPFD_CLOEXEC, Free).Into(copies[i]);
        }

        for (int i = 0; i < descriptors.Length; i++)
        {
            steps.Add(SystemCall.dup3, copies[i], descriptors[i].To, 0);
        }

        steps.Add(SystemCall.close_range, Free, uint.MaxValue, 0);
        steps.Add(SystemCall.setsid); // Ctrl-C is for this process
        steps.AddSignalDefaults(); // pasta refuses to start where SIGPIPE is ignored
        steps.Add(SystemCall.execve, steps.Text(program), steps.Texts(arguments), steps.Texts([]));
    }

    private static void WaitUntilReady(PipeStream messages, int pid)
    {
        string ready = string.Create(CultureInfo.InvariantCulture, $"\n{pid}\n");
        StringBuilder heard = new("\n");
        byte[] buffer = new byte[4096];
        for (int count; (count = messages.Read(buffer.AsSpan())) > 0;)
        {
            heard.Append(Encoding.UTF8.GetString(buffer, 0, count));
            if (heard.ToString().Contains(ready, StringComparison.Ordinal))
            {
                return;
            }
        }

        IEnumerable<string> said = heard.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => !line.EndsWith(Noise, StringComparison.Ordinal));
        string reason = string.Join("; ", said.TakeLast(5));
        throw new ContainerException($"{Program} does not start: {reason}.", reason.Contains("tun ", StringComparison.Ordinal) ? "It has to open /dev/net/tun, which this host may keep from users other than root." : null);
    }

    // A pipe that nobody reads would hold it up one day, and the container's network with it.
    private static async Task DrainAsync(PipeStream messages)
    {
        byte[] buffer = new byte[1024];
        try
        {
            while (await messages.ReadAsync(buffer.AsMemory()).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or ContainerException)
        {
            // The end of either.
        }
    }
}
