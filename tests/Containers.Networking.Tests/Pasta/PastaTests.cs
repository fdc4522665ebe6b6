using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Containers.Native;
using Containers.Networking;
using Containers.Native.Netlink;
using Containers.Tests.Names;
using Xunit;

namespace Containers.Tests.Pasta;

/// <summary>This network namespace as the host, with an address and a default route that lead nowhere, and one for the container.</summary>
public sealed class PastaTests : IClassFixture<HostState>
{
    private const int Patience = 30_000; // milliseconds, so that a test that fails does not wait for ever

    [Fact]
    public void Interface_is_up_with_the_hosts_address_and_route_and_gone_with_the_process()
    {
        using Lab lab = new();
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions());

        Assert.Contains("192.0.2.10/24", lab.Container.Run("ip", "-4", "addr", "show", "up", "dev", "eth0"), StringComparison.Ordinal);
        Assert.Contains("2001:db8::10/64", lab.Container.Run("ip", "-6", "addr", "show", "up", "dev", "eth0"), StringComparison.Ordinal);
        Assert.Contains("default via 192.0.2.1 dev eth0", lab.Container.Run("ip", "route"), StringComparison.Ordinal);

        pasta.Dispose();
        Assert.False(Directory.Exists($"/proc/{pasta.Pid}"));
        Assert.Equal("lo", lab.Container.Run("sh", "-c", "ip -br link | cut -d' ' -f1").Trim());
    }

    [Fact]
    public void Only_one_version_where_only_one_is_wanted()
    {
        using Lab lab = new();
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { IPv6 = false, InterfaceName = "net7" });

        Assert.Contains("192.0.2.10/24", lab.Container.Run("ip", "addr", "show", "dev", "net7"), StringComparison.Ordinal);
        Assert.DoesNotContain("2001:db8", lab.Container.Run("ip", "addr"), StringComparison.Ordinal);
    }

    [Fact]
    public void Published_tcp_port_leads_to_the_containers_listener_and_nothing_else_is_open()
    {
        using Lab lab = new();
        using Socket listener = lab.Listen(80);
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions
        {
            Ports = [new PastaPort(ProtocolType.Tcp, 0, 80), new PastaPort(ProtocolType.Tcp, 0, 80, IPAddress.Loopback)],
        });

        Assert.All(pasta.Ports, port => Assert.NotEqual(0, port.HostPort));
        foreach (PastaPort port in pasta.Ports)
        {
            using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Loopback, port.HostPort);
            client.Send("in"u8);
            using Socket accepted = listener.Accept();
            accepted.Send("out"u8);
            Assert.Equal("in", Receive(accepted));
            Assert.Equal("out", Receive(client));
        }

        string listening = Tool.Run("ss", "-Hlnt");
        Assert.Equal(2, listening.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains($"127.0.0.1:{pasta.Ports[1].HostPort} ", listening, StringComparison.Ordinal);
        Assert.Equal("", lab.Container.Run("ss", "-Hlnu"));
    }

    [Fact]
    public void Published_udp_port_leads_to_the_containers_socket()
    {
        using Lab lab = new();
        using Socket inside = NamespaceThread.Run(lab.Container.Handle, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        inside.Bind(new IPEndPoint(IPAddress.Any, 5000));
        // The same number on both sides: the version in Debian 12 does not bring answers back otherwise.
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { Ports = [new PastaPort(ProtocolType.Udp, 5000, 5000)] });
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(IPAddress.Loopback, 5000);
        inside.ReceiveTimeout = client.ReceiveTimeout = Patience;

        client.Send("in"u8);
        byte[] buffer = new byte[16];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int length = inside.ReceiveFrom(buffer, ref from);
        Assert.Equal("in", Encoding.ASCII.GetString(buffer, 0, length));
        inside.SendTo("out"u8, from);
        Assert.Equal("out", Receive(client));
    }

    [Fact]
    public void Container_does_not_reach_the_hosts_loopback()
    {
        using Lab lab = new();
        using Socket secret = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        secret.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        secret.Listen();
        string port = ((IPEndPoint)secret.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);
        using (PastaProcess.Start(lab.Container.Handle, null, new PastaOptions()))
        {
            // By way of the gateway it is a packet for 192.0.2.1, which nobody here is.
            Assert.NotEqual(0, lab.Container.Try("timeout", "1", "busybox", "nc", "192.0.2.1", port).ExitCode);
            Assert.NotEqual(0, lab.Container.Try("timeout", "1", "busybox", "nc", "127.0.0.1", port).ExitCode);
        }

        using (PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { ReachesHostLoopback = true }))
        {
            Assert.Equal(0, lab.Container.Try("timeout", "60", "busybox", "nc", "192.0.2.1", port, "-e", "true").ExitCode);
        }
    }

    [Fact]
    public void Queries_to_the_address_for_names_reach_the_hosts_resolver()
    {
        using Lab lab = new();
        using Dnsmasq dnsmasq = new();
        using TestDirectory directory = new();
        File.WriteAllText(directory["resolv.conf"], "nameserver 127.0.0.1\n");
        File.WriteAllText(directory["pasta"], $"""
            #!/bin/sh
            # pasta on a host with that resolv.conf
            export PATH=/usr/sbin:/usr/bin:/sbin:/bin
            exec unshare --mount sh -c 'mount --bind "$0" /etc/resolv.conf && exec pasta "$@"' {directory["resolv.conf"]} "$@"
            """);
        Tool.Run("chmod", "+x", directory["pasta"]);
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { DnsForward = [IPAddress.Parse("192.0.2.53")], SearchPath = directory.Path });

        (int code, string output, string error) = lab.Container.Try("busybox", "nslookup", "outside.example", "192.0.2.53");
        Assert.True(output.Contains("192.0.2.7", StringComparison.Ordinal), output + error + lab.Container.Run("sh", "-c", "ip neigh; ip -s link; ip route; ip addr; ss -uanp; ss -s") + Tool.Run("sh", "-c", "ss -uanp; ip addr"));
    }

    [Fact]
    public void Queries_to_the_containers_own_loopback_reach_our_responder_by_udp_and_tcp()
    {
        using Lab lab = new();
        using NameResponder names = NameResponder.Start(null, IPAddress.Loopback, new TestNames());
        using PastaProcess pasta = PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { NamesPort = names.Port });
        using TestDirectory directory = new();

        foreach (string option in (string[])["", "options use-vc\n"])
        {
            File.WriteAllText(directory["resolv.conf"], $"nameserver 127.0.0.1\n{option}");
            string found = lab.Container.Run("unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && timeout 60 getent ahosts db", directory["resolv.conf"]);
            Assert.Contains("172.30.0.5", found, StringComparison.Ordinal);
            Assert.Contains("fd00:30::5", found, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Namespace_of_another_user_namespace_is_entered_by_way_of_it()
    {
        using Lab lab = new();
        ProcessStartInfo start = new("unshare", ["--user", "--map-root-user", "--net", "sh", "-c", "echo made; exec sleep 1000"]) { RedirectStandardOutput = true };
        using Process container = Process.Start(start)!;
        try
        {
            Assert.Equal("made", container.StandardOutput.ReadLine());
            using NamespaceHandle network = NamespaceHandle.Open(container.Id, "net"), user = NamespaceHandle.Open(container.Id, "user");
            using PastaProcess pasta = PastaProcess.Start(network, user, new PastaOptions());

            Assert.Contains("192.0.2.10/24", Tool.Run("nsenter", $"--net=/proc/{container.Id}/ns/net", "ip", "addr", "show", "up", "dev", "eth0"), StringComparison.Ordinal);
        }
        finally
        {
            container.Kill();
            container.WaitForExit();
        }
    }

    [Fact]
    public void Port_that_is_taken_is_told_in_pastas_words()
    {
        using Lab lab = new();
        using Socket taken = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        taken.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;

        ContainerException error = Assert.Throws<ContainerException>(() =>
            PastaProcess.Start(lab.Container.Handle, null, new PastaOptions { Ports = [new PastaPort(ProtocolType.Tcp, port, 80)] }));

        Assert.StartsWith("pasta does not start: ", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{port}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("syslog", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_without_a_network_is_told_in_pastas_words()
    {
        Requires.OwnNetwork();
        Requires.Tools("pasta");
        using TestNamespace container = new();

        ContainerException error = Assert.Throws<ContainerException>(() => PastaProcess.Start(container.Handle, null, new PastaOptions()));

        Assert.Contains("No external routable interface", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_program_the_package_is_named()
    {
        Requires.OwnNetwork();
        using TestNamespace container = new();

        ContainerException error = Assert.Throws<ContainerException>(() => PastaProcess.Start(container.Handle, null, new PastaOptions { SearchPath = "/nonexistent:/proc" }));

        Assert.Equal("pasta is not installed: it is in no directory of PATH=/nonexistent:/proc. Networks without root go through it; it comes with the package passt.", error.Message);
    }

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[16];
        socket.ReceiveTimeout = Patience;
        return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }

    private sealed class Lab : IDisposable
    {
        public Lab()
        {
            Requires.OwnNetwork();
            Requires.Tools("pasta", "busybox", "ss", "ip");
            Tool.Bash("""
                ip link add uplink type veth peer name nowhere
                ip link set nowhere up
                ip addr add 192.0.2.10/24 dev uplink
                ip addr add 2001:db8::10/64 dev uplink nodad
                ip link set uplink up
                ip route add default via 192.0.2.1
                ip -6 route add default via fe80::1 dev uplink
                """);
        }

        public TestNamespace Container { get; } = new();

        public Socket Listen(int port)
        {
            Socket socket = NamespaceThread.Run(Container.Handle, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            socket.Listen();
            return socket;
        }

        public void Dispose()
        {
            Container.Dispose();
            Tool.Run("ip", "link", "delete", "uplink");
        }
    }
}
