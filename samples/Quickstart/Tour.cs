using Containers;

namespace Quickstart;

/// <summary>The steps of the post, each shown from inside a container.</summary>
internal sealed class Tour(ImageStore store, Image image)
{
    private readonly ContainerBuilder _builder = Container.FromImage(image).WithStore(store.Path).WithPidNs().WithNet(Net.None).WithHostname("quickstart");

    public async Task RunAsync()
    {
        Title($"The image {image.Name}: {image.Layers.Count} layers, stacked by an overlay");
        foreach (ImageLayer layer in image.Layers)
        {
            Console.WriteLine($"  {layer.DiffId[..19]}…  {layer.Size,12:N0} bytes  {layer.CreatedBy}");
        }

        Title("Its processes: the command is number 1, and there is no other");
        await Show("ps aux 2>/dev/null || ps 2>/dev/null || { cd /proc && echo [0-9]*; }");

        Title("Its network: lo, and nothing else");
        await Show("ip -brief link 2>/dev/null || cat /proc/net/dev");

        await ShowBridgeAsync();

        Title("Its name, and its root");
        await Show("cat /proc/sys/kernel/hostname; echo /*");

        Title("A file changed inside");
        await Show("echo 'changed in a container' > /etc/motd; cat /etc/motd");
        Console.WriteLine("  … and in the next container of the same image:");
        await Show("cat /etc/motd 2>/dev/null || echo '(the image has no /etc/motd, nor has this container)'");

        Title("What the last start cost");
        await using Container last = _builder.WithCommand("sh", "-c", "exit 0").Start();
        await last.WaitAsync();
        foreach (LaunchTimelineEntry entry in last.Timeline.Entries.OrderByDescending(entry => entry.Duration).Take(6))
        {
            Console.WriteLine($"  {entry.Duration.TotalMicroseconds,6:F0} µs  {entry.Name}");
        }

        Console.WriteLine($"  {last.Timeline.Total.TotalMicroseconds,6:F0} µs in all, {last.Timeline.Entries.Count} steps");
    }

    // In a network namespace that plays the host, so that a tour changes nothing on this one.
    private async Task ShowBridgeAsync()
    {
        Title("A bridge, with another container on it that is called \"web\"");
        try
        {
            using NetworkNamespace host = NetworkNamespace.Create();
            using Network network = Network.Bridge("quickstart0", "172.30.0.0/16", new NetworkOptions { Namespace = host });
            await using Container web = _builder.WithHostname("web").WithNet(net => net.Network(network).Publish(8080, 80)).WithCommand("sh", "-c", "read wait").Start();
            Console.WriteLine($"  web has the address {web.Network.Address}, and the host's port {web.Ports[0].HostPort}");
            await Show("ip -brief -4 address 2>/dev/null || cat /proc/net/fib_trie | head -n 4; cat /etc/resolv.conf", container => container.WithNet(network));
            await Show("getent hosts web 2>/dev/null || nslookup web 2>/dev/null | tail -n 3", container => container.WithNet(network));
        }
        catch (Exception e) when (e is NetworkException or NetlinkException)
        {
            Console.WriteLine($"  not on this host: {e.Message}");
        }
    }

    private static void Title(string title) => Console.WriteLine($"\n{title}");

    private async Task Show(string command, Func<ContainerBuilder, ContainerBuilder>? with = null)
    {
        ContainerBuilder builder = with is null ? _builder : with(_builder);
        ContainerResult result = await builder.WithCommand("sh", "-c", command).RunAsync();
        foreach (string line in (result.Output + result.Error).TrimEnd('\n').Split('\n'))
        {
            Console.WriteLine("  " + line);
        }
    }
}
