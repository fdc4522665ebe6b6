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

    private static void Title(string title) => Console.WriteLine($"\n{title}");

    private async Task Show(string command)
    {
        ContainerResult result = await _builder.WithCommand("sh", "-c", command).RunAsync();
        foreach (string line in (result.Output + result.Error).TrimEnd('\n').Split('\n'))
        {
            Console.WriteLine("  " + line);
        }
    }
}
