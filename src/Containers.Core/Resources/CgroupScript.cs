using Containers.Launch;

namespace Containers.Resources;

/// <summary>A cgroup as a reader would make it.</summary>
internal static class CgroupScript
{
    public static IEnumerable<string> Of(CgroupPlan plan)
    {
        foreach (CgroupDirectory directory in plan.Directories)
        {
            string path = ShellScript.Quote(directory.Path);
            if (directory.Hierarchy.Unified && directory.Controllers.Length > 0)
            {
                yield return $"echo {ShellScript.Quote(string.Join(' ', directory.Controllers.Select(one => "+" + one)))} > {ShellScript.Quote(directory.Parent)}/cgroup.subtree_control";
            }

            yield return $"mkdir -p {path}";
            if (!directory.Hierarchy.Unified && directory.Controllers.Contains("cpuset"))
            {
                yield return $"cat {ShellScript.Quote(directory.Parent)}/cpuset.cpus > {path}/cpuset.cpus; cat {ShellScript.Quote(directory.Parent)}/cpuset.mems > {path}/cpuset.mems";
            }

            foreach (LimitWrite write in plan.Writes(directory, null))
            {
                string line = $"echo {ShellScript.Quote(write.Value)} > {path}/{write.File}";
                yield return write.WhereThere ? $"[ ! -e {path}/{write.File} ] || {line}" : line;
            }

            yield return $"echo $$ > {path}/cgroup.procs";
        }
    }
}
