using System.Globalization;
using Containers.Launch;
using Containers.Native;

namespace Containers.Limits;

/// <summary>Gives the overlay a place for changes that has a size.</summary>
internal sealed class DiskPart(DiskLimit limit) : LaunchPart
{
    private ProjectQuota? _quota;

    public override void Foresee(LaunchRequest request)
    {
        Check(request);
        if (limit.Kind == DiskLimitKind.Memory)
        {
            request.Disk = MemoryDisk.Like(limit, request.LowerDirectories[0]);
        }
    }

    public override void Prepare(LaunchRequest request)
    {
        Check(request);
        string? whyNoQuota = limit.Kind == DiskLimitKind.Memory ? "" : WhyNoQuota(request.StateDirectory);
        if (whyNoQuota is null)
        {
            _quota = ProjectQuota.Make([request.Upper, request.Work], limit.Bytes, limit.Files);
            return;
        }

        if (limit.Kind == DiskLimitKind.ProjectQuota)
        {
            throw new ContainerException($"The disk cannot be limited by a project quota on \"{request.StateDirectory}\": {whyNoQuota}.",
                "An ext4 with the feature \"project\" or an xfs, mounted with prjquota, has them: choose a store there, or DiskLimitKind.Memory.");
        }

        CheckMemory(whyNoQuota);
        request.Disk = MemoryDisk.Like(limit, request.LowerDirectories[0]);
    }

    public override void Dispose()
    {
        _quota?.Dispose();
        base.Dispose();
    }

    private static string? WhyNoQuota(string directory)
        => Kernel.geteuid() != 0 ? "this process is not root" : ProjectQuota.WhyNot(directory);

    private void Check(LaunchRequest request)
    {
        if (limit.Bytes < DiskLimit.Minimum)
        {
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"A disk limit of {limit.Bytes} bytes is too small: the least is {DiskLimit.Minimum}."));
        }

        if (!request.Overlay)
        {
            throw new ContainerException("The disk cannot be limited: the container's root is a directory of the host itself.",
                $"{nameof(ContainerBuilder.WithOverlayRoot)}() keeps its changes apart from that, where they can be counted.");
        }
    }

    // A tmpfs that could take all of the memory limits nothing.
    private void CheckMemory(string whyNoQuota)
    {
        long memory = TotalMemory();
        if (limit.Bytes > memory)
        {
            string quota = whyNoQuota.Length > 0 ? $", and there is no project quota: {whyNoQuota}" : "";
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"The disk cannot be limited to {limit.Bytes} bytes by a file system in memory: this machine has {memory}{quota}."),
                "A smaller limit, or a store on an ext4 or xfs that is mounted with prjquota.");
        }
    }

    private static long TotalMemory()
    {
        string line = File.ReadLines("/proc/meminfo").First(); // MemTotal:       16309536 kB
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
