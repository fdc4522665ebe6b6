using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Tests;

/// <summary>A network namespace of a test's own, with nothing in it but lo, which is up. Programs are run in it by nsenter.</summary>
internal sealed class TestNamespace : IDisposable
{
    public TestNamespace()
    {
        NamespaceHandle? made = null;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Kernel.Check(Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNET), "unshare");
                using PathHandle path = PathHandle.Open("/proc/thread-self/ns/net", Kernel.O_RDONLY);
                made = new NamespaceHandle((int)Kernel.Check(Kernel.fcntl(path.Descriptor, Kernel.F_DUPFD_CLOEXEC, 3), "fcntl"));
            }
            catch (KernelException e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start(); // and its end: what it unshared stays by the handle
        thread.Join();
        failure?.Throw();
        Handle = made!;
        Run("ip", "link", "set", "lo", "up");
    }

    private TestNamespace(NamespaceHandle handle) => Handle = handle;

    /// <summary>The one a container is in.</summary>
    public static TestNamespace Of(Container container) => new(NamespaceHandle.Open(container.Pid, "net"));

    /// <summary>The one this process is in.</summary>
    public static TestNamespace Host() => new(NamespaceHandle.Open(Environment.ProcessId, "net"));

    public NamespaceHandle Handle { get; }

    /// <summary>For programs that take a path.</summary>
    public string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{Handle.Descriptor}");

    public string Run(params string[] command) => Tool.Run("nsenter", [$"--net={Path}", .. command]);

    public (int ExitCode, string Output, string Error) Try(params string[] command) => Tool.Try("nsenter", [$"--net={Path}", .. command]);

    /// <summary>Runs a script of bash in it.</summary>
    public string Bash(string script) => Run("bash", "-euo", "pipefail", "-c", script);

    /// <summary>A pair of links: one end here, the other there.</summary>
    public void Link(string name, TestNamespace other, string otherName)
        => Bash($"ip link add name {name} type veth peer name {otherName} netns {other.Path}; ip link set {name} up; nsenter --net={other.Path} ip link set {otherName} up");

    /// <summary>Something that listens here for one connection after the other, or one datagram, and answers with the address it came from.</summary>
    public Responder Listen(ProtocolType protocol, IPEndPoint where) => new(this, protocol, where);

    /// <summary>Asks from here.</summary>
    /// <returns>The address that the other side saw; null when there was no answer within the time.</returns>
    public string? Ask(ProtocolType protocol, IPEndPoint where, IPAddress? from = null, int milliseconds = 5000)
    {
        using Socket socket = Open(protocol, where.AddressFamily);
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(from, 0));
        }

        byte[] answer = new byte[200];
        try
        {
            if (!socket.ConnectAsync(where).Wait(milliseconds))
            {
                return null;
            }

            socket.ReceiveTimeout = milliseconds;
            socket.Send("?"u8);
            return System.Text.Encoding.ASCII.GetString(answer, 0, socket.Receive(answer));
        }
        catch (Exception e) when (e is SocketException or AggregateException)
        {
            return null;
        }
    }

    public Socket Open(ProtocolType protocol, AddressFamily family) => NamespaceThread.Run(Handle, () =>
        new Socket(family, protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol));

    public void Dispose() => Handle.Dispose();

    internal sealed class Responder : IDisposable
    {
        private readonly Socket _socket;

        public Responder(TestNamespace network, ProtocolType protocol, IPEndPoint where)
        {
            _socket = network.Open(protocol, where.AddressFamily);
            _socket.Bind(where);
            if (protocol == ProtocolType.Tcp)
            {
                _socket.Listen(16);
            }

            new Thread(protocol == ProtocolType.Tcp ? ServeTcp : ServeUdp) { IsBackground = true }.Start();
        }

        public void Dispose() => _socket.Dispose();

        private void ServeTcp()
        {
            try
            {
                while (true)
                {
                    Socket accepted = _socket.Accept();
                    new Thread(() => Answer(accepted)) { IsBackground = true }.Start();
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // closed
            }
        }

        private static void Answer(Socket accepted)
        {
            using (accepted)
            {
                byte[] question = new byte[1];
                try
                {
                    while (accepted.Receive(question) > 0)
                    {
                        accepted.Send(System.Text.Encoding.ASCII.GetBytes(((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString()));
                    }
                }
                catch (SocketException)
                {
                    // the other side is gone
                }
            }
        }

        private void ServeUdp()
        {
            byte[] question = new byte[1];
            try
            {
                while (true)
                {
                    EndPoint from = new IPEndPoint(_socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
                    _socket.ReceiveFrom(question, ref from);
                    _socket.SendTo(System.Text.Encoding.ASCII.GetBytes(((IPEndPoint)from).Address.ToString()), from);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // closed
            }
        }
    }
}
