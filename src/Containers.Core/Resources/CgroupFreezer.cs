using Containers.Native;

namespace Containers.Resources;

/// <summary>Stops all processes of a cgroup where they are, and lets them go on: cgroup.freeze (Linux 5.2), or v1's controller freezer.</summary>
internal static class CgroupFreezer
{
    /// <summary>Returns when the last of them has stopped; one that is in the kernel, waiting for a disk, comes out of it first.</summary>
    public static async Task FreezeAsync(ContainerCgroup cgroup, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Write(cgroup, frozen: true);
        try
        {
            if (cgroup.Unified is { } unified)
            {
                using CgroupEvents events = new(unified, "cgroup.events");
                await events.WaitAsync(static text => Keyed.Value(text, "frozen") == 1, cancellation).ConfigureAwait(false);
                return;
            }

            CgroupHandle freezer = cgroup.With("freezer")!.Value.Handle;
            while (freezer.Read("freezer.state").Trim() != "FROZEN") // FREEZING; and it tells nobody when it has
            {
                await Task.Delay(1, cancellation).ConfigureAwait(false);
                Write(cgroup, frozen: true); // cgroup-v1/freezer-subsystem.rst: it may have to be asked again
            }
        }
        catch (OperationCanceledException)
        {
            Write(cgroup, frozen: false);
            throw;
        }
    }

    public static void Thaw(ContainerCgroup cgroup) => Write(cgroup, frozen: false);

    private static void Write(ContainerCgroup cgroup, bool frozen)
    {
        if (cgroup.Unified is { } unified)
        {
            unified.Write("cgroup.freeze", frozen ? "1" : "0");
        }
        else
        {
            cgroup.With("freezer")!.Value.Handle.Write("freezer.state", frozen ? "FROZEN" : "THAWED");
        }
    }
}
