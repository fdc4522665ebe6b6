namespace Containers.Benchmarks;

/// <summary>The root every contender runs in: a static busybox, and the places that runtimes mount on.</summary>
internal static class BusyboxRoot
{
    private const string Busybox = "/bin/busybox";

    private static readonly string[] s_directories = ["bin", "dev", "etc", "proc", "sys", "tmp"];
    private static readonly string[] s_applets = ["true", "sh", "ls", "ps", "cat"];

    // They are there from the start, because a runtime that runs in the root itself would make them: the root must be
    // the same for the first run and for the last.
    private static readonly string[] s_files = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

    public static string Build(string folder)
    {
        if (!File.Exists(Busybox))
        {
            throw new FileNotFoundException($"The benchmarks run {Busybox}, which is not there: install a statically linked busybox.");
        }

        string root = Path.Combine(folder, "rootfs");
        foreach (string directory in s_directories)
        {
            Directory.CreateDirectory(Path.Combine(root, directory));
        }

        File.Copy(Busybox, Path.Combine(root, "bin/busybox"));
        foreach (string applet in s_applets)
        {
            File.CreateSymbolicLink(Path.Combine(root, "bin", applet), "busybox");
        }

        foreach (string file in s_files)
        {
            File.WriteAllText(Path.Combine(root, file), "");
        }

        return root;
    }
}
