using System.Globalization;
using System.Net;
using Containers.Networking;

namespace Containers.Tests.Names;

/// <summary>
/// This network namespace as the host, with a name server at the end of its link to a second namespace, the container,
/// whose queries to port 53 there go to it by rule.
/// </summary>
internal sealed class NameLab : IDisposable
{
    public const string Gateway = "172.30.0.1", Gateway6 = "fd00:30::1", Client = "172.30.0.2";

    private readonly TestDirectory _directory = new();
    private readonly TestNamespace _container = new();

    public NameLab(INameSource names, string hostResolvConf = "nameserver 127.0.0.1\n", bool six = false)
    {
        HostResolvConf = hostResolvConf;
        Tool.Bash($"""
            ip link add ctr0 type veth peer name eth0 netns {_container.Path}
            ip addr add {Gateway}/24 dev ctr0
            ip addr add {Gateway6}/64 dev ctr0 nodad
            ip link set ctr0 up
            """);
        _container.Run("bash", "-euc", $"""
            ip addr add {Client}/24 dev eth0
            ip addr add fd00:30::2/64 dev eth0 nodad
            ip link set eth0 up
            """);
        Server = NameResponder.Start(null, IPAddress.Parse(six ? Gateway6 : Gateway), names, _directory["host"]);
        File.WriteAllText(_directory["rules"], string.Create(CultureInfo.InvariantCulture, $$"""
            table inet names {
                chain dns {
                    type nat hook prerouting priority dstnat
                    iifname ctr0 meta l4proto { tcp, udp } th dport 53 redirect to :{{Server.Port}}
                }
            }
            """));
        Tool.Run("nft", "-f", _directory["rules"]);
        ContainerResolvConf = $"nameserver {(six ? Gateway6 : Gateway)}\n";
    }

    public NameResponder Server { get; }

    public IPEndPoint EndPoint => new(IPAddress.Parse(Gateway), Server.Port);

    public string HostResolvConf
    {
        set
        {
            File.WriteAllText(_directory["new"], value);
            File.Move(_directory["new"], _directory["host"], overwrite: true);
        }
    }

    public string ContainerResolvConf
    {
        set => File.WriteAllText(_directory["container"], value);
    }

    public (int ExitCode, string Output, string Error) Try(params string[] command)
        => _container.Try(["unshare", "--mount", "sh", "-c", "mount --bind \"$1\" /etc/resolv.conf && shift && exec timeout 60 \"$@\"", "sh", _directory["container"], .. command]);

    /// <summary>Runs a program in the container, with its own resolv.conf.</summary>
    public string Run(params string[] command)
    {
        (int exitCode, string output, string error) = Try(command);
        return exitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {exitCode}: {error}{output}");
    }

    /// <summary>The addresses that the C library finds.</summary>
    public string[] Lookup(string name)
        => [.. Try("getent", "ahosts", name).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]).Distinct().Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        Server.Dispose();
        Tool.Run("nft", "delete", "table", "inet", "names");
        Tool.Run("ip", "link", "delete", "ctr0");
        _container.Dispose();
        _directory.Dispose();
    }
}
