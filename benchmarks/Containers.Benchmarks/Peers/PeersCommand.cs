using System.ComponentModel;
using System.Runtime.InteropServices;
using Containers.Benchmarks.Peers.Floor;
using Containers.Benchmarks.Peers.Tools;

namespace Containers.Benchmarks.Peers;

/// <summary>Whole containers, from the start to the exit of /bin/true, ours beside others', interleaved in one run.</summary>
internal static class PeersCommand
{
    private const int WarmUp = 30; // until the compiler's second tier has seen our hot path

    public static int Run(string[] args)
    {
        PeersOptions options;
        try
        {
            options = PeersOptions.Parse(args);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = StopOn(PosixSignal.SIGINT, stop), terminate = StopOn(PosixSignal.SIGTERM, stop);
        using WorkFolder work = new();
        List<Contender> contenders = [];
        try
        {
            Enter(contenders, work, options);
            Measure(contenders, options, stop.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Stopped.");
        }
        finally
        {
            foreach (Contender contender in contenders)
            {
                contender.Dispose();
            }
        }

        if (stop.IsCancellationRequested)
        {
            return 130;
        }

        PeersReport.Print(contenders, Console.Out);
        if (options.Json is { } file)
        {
            File.WriteAllText(file, PeersReport.Json(contenders));
        }

        return 0;
    }

    private static void Enter(List<Contender> contenders, WorkFolder work, PeersOptions options)
    {
        string root = BusyboxRoot.Build(work.Path);
        ContainerBuilder ours = OwnContender.Builder(root, work.In("store"));
        ToolContenders tools = new(work, root);
        Lazy<string> user = new(() => OrdinaryUser.Folder(work));
        Enter("containers", () => new OwnContender("containers", ours));
        Enter("containers-bind", () => new OwnContender("containers-bind", ours.WithBindRoot()));
        Enter("containers-bare", () => new OwnContender("containers-bare", OwnContender.Bare(ours)));
        Enter("containers-secure", () => new OwnContender("containers-secure", OwnContender.Secure(ours)));
        Enter("containers-rootless", () => Rootless(user.Value, work));
        Enter("containers-1gb", () => new HelperContender("containers-1gb", new Helper(Environment.ProcessPath!, OwnHost.Command, OwnHost.Large, root, work.In("store"))));
        Enter("containers-net", () => Networked(root, work));
        Enter("floor-c", () => FloorContender.Create(work, ours));
        Enter("process-start", () => new ProcessStartContender(root));
        Enter("unshare", tools.Unshare);
        Enter("bwrap", tools.Bubblewrap);
        Enter("bwrap-user", () => tools.BubblewrapOfUser(user.Value));
        Enter("crun", () => tools.Oci("crun"));
        Enter("runc", () => tools.Oci("runc"));
        Enter("podman-net", tools.PodmanNet);

        void Enter(string name, Func<Contender> create)
        {
            if (!options.Wants(name))
            {
                return;
            }

            try
            {
                contenders.Add(create());
            }
            catch (Exception e) when (e is ContenderException or Win32Exception)
            {
                Console.Error.WriteLine($"{name} is left out: {e.Message}.");
            }
        }
    }

    private static HelperContender Networked(string root, WorkFolder work)
    {
        string[] command = OwnNetwork.For([Environment.ProcessPath!, OwnHost.Command, OwnHost.Networked, root, work.In("store-net")]);
        return new HelperContender("containers-net", new Helper(command[0], command[1..]));
    }

    private static Contender Rootless(string folder, WorkFolder work)
    {
        string[] command = OrdinaryUser.For(work, [Environment.ProcessPath!, OwnHost.Command, OwnHost.Rootless, OrdinaryUser.RootIn(folder), Path.Combine(folder, "store")]);
        return ToolContenders.Tried(new HelperContender("containers-rootless", new Helper(command[0], command[1..])));
    }

    /// <summary>
    /// In every round each contender runs once, in an order drawn anew: what one leaves to the kernel (namespaces are freed
    /// in the background) falls on each of the others alike.
    /// </summary>
    private static void Measure(List<Contender> contenders, PeersOptions options, CancellationToken stop)
    {
        Random random = new(1);
        for (int round = -WarmUp; round < options.Runs; round++)
        {
            Contender[] order = [.. contenders];
            random.Shuffle(order);
            foreach (Contender contender in order)
            {
                stop.ThrowIfCancellationRequested();
                Thread.Sleep(options.Pause);
                try
                {
                    TimeSpan elapsed = contender.Run();
                    if (round >= 0)
                    {
                        contender.Milliseconds.Add(elapsed.TotalMilliseconds);
                    }
                }
                catch (ContenderException e)
                {
                    Console.Error.WriteLine($"{contender.Name} is left out from here on: {e.Message}.");
                    contenders.Remove(contender);
                    contender.Dispose();
                }
            }
        }
    }

    private static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop)
        => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true; // what is mounted and running is to be put away first
            stop.Cancel();
        });
}
