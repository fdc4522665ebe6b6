using System.Collections.Concurrent;
using Containers.Native;

namespace Containers.Launch;

/// <summary>Covers the parts of /proc and /sys that tell of the host or reach into it.</summary>
internal sealed class MaskPaths(IReadOnlyList<string> paths) : LaunchOperation
{
    public override string Name => "mask paths";

    public override string Why => "Parts of /proc and /sys that tell of the host: files are covered by /dev/null, directories by an empty one";

    public override void Compile(PlanCompiler plan)
    {
        foreach (string path in paths)
        {
            switch (KernelPath.KindOf(path))
            {
                case KernelPath.Kind.Directory when plan.Empty is { } empty:
                    plan.Add(SystemCall.open_tree, empty, StepProgram.Constant(""), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_EMPTY_PATH).Into(plan.Mount);
                    Cover(plan, path);
                    break;
                case KernelPath.Kind.Directory:
                    plan.Empty = plan.Program.NewSlot();
                    plan.NewFileSystem("tmpfs", "mode=555,size=0", Kernel.MOUNT_ATTR_RDONLY | Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV | Kernel.MOUNT_ATTR_NOEXEC, plan.Empty.Value);
                    Cover(plan, path, plan.Empty.Value);
                    break;
                case KernelPath.Kind.File:
                    plan.Add(SystemCall.open_tree, plan.Dev, StepProgram.Constant("null"), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC).Into(plan.Mount);
                    Cover(plan, path);
                    break;
                case KernelPath.Kind.Missing:
                    break; // this kernel has nothing to hide there
            }
        }
    }

    public override void Shell(ShellScript script)
    {
        bool first = true;
        foreach (string path in paths)
        {
            switch (KernelPath.KindOf(path))
            {
                case KernelPath.Kind.Directory when first:
                    script.Inside($"mount -t tmpfs -o ro,nosuid,nodev,noexec,mode=555,size=0 tmpfs {ShellScript.InRoot(path)}; empty={ShellScript.InRoot(path)}");
                    first = false;
                    break;
                case KernelPath.Kind.Directory:
                    script.Inside($"mount --bind \"$empty\" {ShellScript.InRoot(path)}");
                    break;
                case KernelPath.Kind.File:
                    script.Inside($"mount --bind \"$root\"/dev/null {ShellScript.InRoot(path)}");
                    break;
            }
        }
    }

    private static void Cover(PlanCompiler plan, string path, Slot? mount = null)
    {
        (Slot directory, string name) = KernelPath.Locate(plan, path);
        plan.Attach(mount ?? plan.Mount, directory, name);
    }
}

/// <summary>Makes the parts of /proc read-only that set what the whole host goes by.</summary>
internal sealed class ProtectPaths(IReadOnlyList<string> paths) : LaunchOperation
{
    public override string Name => "make paths read-only";

    public override string Why => "Parts of /proc that set what the whole host goes by";

    public override void Compile(PlanCompiler plan)
    {
        foreach (string path in paths.Where(path => KernelPath.KindOf(path) != KernelPath.Kind.Missing))
        {
            (Slot directory, string name) = KernelPath.Locate(plan, path);
            plan.Add(SystemCall.open_tree, directory, StepProgram.Constant(name), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(plan.Mount);
            plan.ReadOnly(plan.Mount, attached: false, recursive: true);
            plan.Attach(plan.Mount, directory, name);
            plan.ReadOnly(plan.Mount, attached: true, Kernel.MS_NOSUID | Kernel.MS_NODEV | Kernel.MS_NOEXEC);
        }
    }

    public override void Shell(ShellScript script)
    {
        foreach (string path in paths.Where(path => KernelPath.KindOf(path) != KernelPath.Kind.Missing))
        {
            string target = ShellScript.InRoot(path);
            script.Inside($"mount --rbind {target} {target}; mount -o remount,bind,ro,nosuid,nodev,noexec {target}");
        }
    }
}

/// <summary>A path under /proc or /sys: what is there depends on the kernel and not on the container.</summary>
internal static class KernelPath
{
    private static readonly ConcurrentDictionary<string, Kind> s_kinds = new();

    public enum Kind
    {
        Missing,
        File,
        Directory,
    }

    public static Kind KindOf(string path)
        => s_kinds.GetOrAdd(path, static path => Directory.Exists(path) ? Kind.Directory : File.Exists(path) ? Kind.File : Kind.Missing);

    /// <summary>The mount of ours that a path lies in, and its place there. Both are the kernel's, so the way needs no care.</summary>
    public static (Slot Mount, string Name) Locate(PlanCompiler plan, string path)
        => path.StartsWith("/proc/", StringComparison.Ordinal) ? (plan.Proc, Name(path, 6))
            : path.StartsWith("/sys/", StringComparison.Ordinal) ? (plan.Sys, Name(path, 5))
            : throw No(path);

    /// <summary>The path, which is one that can be masked or made read-only.</summary>
    public static string Check(string path)
        => (path.StartsWith("/proc/", StringComparison.Ordinal) || path.StartsWith("/sys/", StringComparison.Ordinal)) && !path.Split('/').Any(part => part is "." or "..") && path[^1] != '/' ? path : throw No(path);

    private static ContainerException No(string path)
        => new($"\"{path}\" cannot be masked or made read-only.", "Only paths under /proc and /sys can.");

    private static readonly ConcurrentDictionary<string, string> s_names = new();

    private static string Name(string path, int prefix) => s_names.GetOrAdd(path, static (path, prefix) => path[prefix..], prefix);
}
