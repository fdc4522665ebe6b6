using Xunit;

namespace Containers.Tests;

/// <summary>
/// What a test needs of its host. Where it is missing the test is skipped with the reason, and in CI (CI=true), where
/// everything has been installed, it fails.
/// </summary>
internal static class Requires
{
    // Links and routes are changed here. A machine's own network has a way out; that PID 1 is elsewhere says nothing where CI is a container.
    private static readonly bool s_ownNetwork = new FileInfo("/proc/self/ns/net").LinkTarget != new FileInfo("/proc/1/ns/net").LinkTarget
        && !File.ReadLines("/proc/net/route").Skip(1).Any(line => line.Split('\t')[1] == "00000000");

    private static readonly Lazy<bool> s_owners = new(() => Environment.IsPrivilegedProcess || Tool.Try("unshare", "--user", "--map-root-user", "--map-auto", "true").ExitCode == 0);

    /// <summary>Root, or an ordinary user with sub-ids: files are made that belong to many.</summary>
    public static void Owners() => That(s_owners.Value, "this test needs root, or subordinate ids");

    public static void Root() => That(Environment.UserName == "root", "this test needs root");

    /// <summary>A network namespace that is not the machine's: what a test changes there touches nobody.</summary>
    public static void OwnNetwork()
    {
        Root();
        That(s_ownNetwork, "this test needs a network namespace of its own: run it by test.sh, or under \"unshare --net\"");
    }

    public static void Tools(params string[] names)
    {
        foreach (string name in names)
        {
            That(Find(name) is not null, $"this test needs the program {name}");
        }
    }

    public static void That(bool condition, string reason)
    {
        if (!condition && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"{reason}, and in CI it has to be there");
        }

        Assert.SkipUnless(condition, reason);
    }

    public static string? Find(string name)
        => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
