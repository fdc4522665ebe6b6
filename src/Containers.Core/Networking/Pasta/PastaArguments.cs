using System.Globalization;
using System.Net.Sockets;
using Containers.Native;

namespace Containers.Networking;

/// <summary>
/// The command line of pasta(1). The namespaces are its descriptors 0 and 1: it gives up capabilities before it opens
/// them, so that /proc/PID/ns of a process of root would be closed to it, and newer versions close descriptors above 2.
/// </summary>
internal static class PastaArguments
{
    public const int NetworkNamespace = 0, UserNamespace = 1, Messages = 2;

    public static List<string> Of(PastaOptions options, bool userNamespace)
    {
        List<string> arguments =
        [
            "pasta", "--foreground", "--quiet", "--config-net", "--no-netns-quit",
            "--netns", $"/proc/self/fd/{NetworkNamespace}",
            "--pid", $"/proc/self/fd/{Messages}", // its number there says that all is set up
            "--ns-ifname", options.InterfaceName,
        ];
        if (userNamespace)
        {
            arguments.AddRange(["--userns", $"/proc/self/fd/{UserNamespace}"]);
        }

        if (Kernel.geteuid() == 0)
        {
            arguments.AddRange(["--runas", "0"]); // the user nobody, which it is otherwise for root, may not enter the namespace
        }

        if (!options.ReachesHostLoopback)
        {
            arguments.Add("--no-map-gw");
        }

        if (!options.IPv6)
        {
            arguments.Add("-4");
        }

        if (!options.IPv4)
        {
            arguments.Add("-6");
        }

        arguments.AddRange(options.DnsForward.SelectMany(address => (string[])["--dns-forward", address.ToString()]));
        AddPorts(arguments, "-t", options.Ports.Where(port => port.Protocol == ProtocolType.Tcp).Select(port => port.ToString()));
        AddPorts(arguments, "-u", options.Ports.Where(port => port.Protocol == ProtocolType.Udp).Select(port => port.ToString()));
        string[] names = options.NamesPort is { } own ? [string.Create(CultureInfo.InvariantCulture, $"53:{own}")] : [];
        AddPorts(arguments, "-T", names);
        AddPorts(arguments, "-U", names);
        return arguments;
    }

    // Without an option for a direction it would find out by itself what to forward.
    private static void AddPorts(List<string> arguments, string option, IEnumerable<string> ports)
    {
        foreach (string port in ports.DefaultIfEmpty("none"))
        {
            arguments.AddRange([option, port]);
        }
    }
}
