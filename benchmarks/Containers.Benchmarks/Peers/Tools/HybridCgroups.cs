using System.Diagnostics;

namespace Containers.Benchmarks.Peers.Tools;

/// <summary>
/// crun 1.8 refuses to run where a cgroup v2 hierarchy beside v1 ones has controllers. The one that is usually left there,
/// hugetlb, goes to a v1 hierarchy for as long as that is mounted somewhere: in a mount namespace that crun's spawner is
/// started in, once, so that no run pays for it. With the namespace it goes back.
/// </summary>
internal static class HybridCgroups
{
    private const string Controllers = "/sys/fs/cgroup/unified/cgroup.controllers";
    private const string MountHugetlb = "mount -t cgroup -o hugetlb none \"$1\" && shift && exec \"$@\"";

    public static bool AreInTheWay => File.Exists(Controllers) && Hugetlb;

    private static bool Hugetlb => File.ReadAllText(Controllers).Contains("hugetlb", StringComparison.Ordinal);

    public static string[] Without(WorkFolder work, string[] command)
    {
        string directory = Directory.CreateDirectory(work.In("hugetlb")).FullName;
        return ["unshare", "--mount", "sh", "-c", MountHugetlb, "sh", directory, .. command];
    }

    /// <summary>
    /// A hierarchy in which a cgroup was still being freed when it was unmounted stays, with nothing to be seen of it.
    /// Mounting it and unmounting it once more ends that.
    /// </summary>
    public static void Settle()
    {
        for (int i = 0; i < 20 && !Hugetlb; i++)
        {
            Thread.Sleep(100);
            DirectoryInfo directory = Directory.CreateTempSubdirectory();
            using (Process process = Process.Start("unshare", ["--mount", "mount", "-t", "cgroup", "-o", "hugetlb", "none", directory.FullName]))
            {
                process.WaitForExit();
            }

            directory.Delete();
        }
    }
}
