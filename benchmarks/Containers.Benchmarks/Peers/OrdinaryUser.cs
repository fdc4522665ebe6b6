using System.Diagnostics;

namespace Containers.Benchmarks.Peers;

/// <summary>
/// A user who is not root, for contenders that need no privileges: an id that no user of the machine has, in no group, with
/// no capabilities, and with no sub-ids. So there is one id inside for all of them, which needs no newuidmap.
/// </summary>
internal static class OrdinaryUser
{
    private const int Id = 1500;

    /// <summary>A folder of the user's own, with a root in it.</summary>
    public static string Folder(WorkFolder work)
    {
        string folder = Directory.CreateDirectory(work.In("user")).FullName;
        BusyboxRoot.Build(folder);
        using Process owner = Process.Start("chown", ["-hR", $"{Id}:{Id}", folder]);
        owner.WaitForExit();
        return owner.ExitCode == 0 ? folder : throw new ContenderException($"chown of {folder} ended with {owner.ExitCode}");
    }

    public static string RootIn(string folder) => Path.Combine(folder, "rootfs");

    /// <summary>The command as the user runs it: started once, so that becoming the user is not measured.</summary>
    public static string[] For(WorkFolder work, string[] command) =>
    [
        "setpriv", "--reuid", $"{Id}", "--regid", $"{Id}", "--clear-groups", "--inh-caps=-all", "env", $"HOME={work.In("user")}", .. command,
    ];
}
