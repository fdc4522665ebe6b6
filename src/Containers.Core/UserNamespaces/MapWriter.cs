using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Gives a user namespace its ids, from outside: user_namespaces(7), "User and group ID mappings".</summary>
internal static unsafe class MapWriter
{
    private const string NewUidMap = "newuidmap", NewGidMap = "newgidmap", UsualPath = "/usr/local/bin:/usr/bin:/bin";

    /// <summary>Whether the setuid helpers are installed by which a user without privileges maps its sub-ids.</summary>
    public static bool HasHelpers => Find(NewUidMap) is not null && Find(NewGidMap) is not null;

    /// <summary>Writes the maps of the namespace that a process is in.</summary>
    /// <exception cref="ContainerException">The kernel or a helper refused.</exception>
    public static void Write(int process, IdMaps maps)
    {
        KernelException? failure = null;
        string refused = "";
        bool written = Launcher.WhileDumpable(() =>
        {
            if (Kernel.geteuid() != 0 && !maps.IsOwnId)
            {
                // Both at once: each takes a millisecond or two, most of it to be executed.
                using HelperProgram users = StartHelper(NewUidMap, process, maps.Users), groups = StartHelper(NewGidMap, process, maps.Groups);
                refused = string.Join("; ", new[] { users.Failure(), groups.Failure() }.OfType<string>());
                return refused.Length == 0;
            }

            failure = (maps.DeniesSetGroups ? TryWrite(process, "setgroups", "deny") : null)
                ?? TryWrite(process, "uid_map", Lines(maps.Users)) ?? TryWrite(process, "gid_map", Lines(maps.Groups));
            return failure is null;
        });
        if (!written)
        {
            throw failure ?? new ContainerException($"The ids of a user namespace cannot be mapped: {refused}", $"{SubordinateIds.Users} and {SubordinateIds.Groups} say which ids this user may map: subuid(5).");
        }
    }

    private static KernelException? TryWrite(int process, string file, string text)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/{file}");
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        fixed (byte* name = CString.Bytes(path), content = bytes)
        {
            long result = Kernel.openat(Kernel.AT_FDCWD, name, Kernel.O_WRONLY);
            if (result >= 0)
            {
                using PathHandle opened = new((int)result);
                result = Kernel.write(opened.Descriptor, content, (nuint)bytes.Length);
            }

            return result >= 0 ? null : new KernelException("map the ids of a user namespace", $"{text.TrimEnd().Replace("\n", ", ", StringComparison.Ordinal)}\" by \"{path}", (Errno)(-result),
                (Errno)(-result) == Errno.EPERM ? "It takes CAP_SETUID and CAP_SETGID in this process's own user namespace, and ids that are mapped there." : null);
        }
    }

    private static string Lines(ImmutableArray<IdMap> maps) => string.Concat(maps.Select(map => map + "\n"));

    private static HelperProgram StartHelper(string helper, int process, ImmutableArray<IdMap> maps)
    {
        string program = Find(helper) ?? throw new ContainerException($"{helper} is not installed.", "It comes with the package uidmap.");
        string[] arguments = [helper, process.ToString(CultureInfo.InvariantCulture), .. maps.SelectMany(map => map.ToString().Split(' '))];
        return new HelperProgram(program, arguments);
    }

    private static string? Find(string program)
        => (Environment.GetEnvironmentVariable("PATH") ?? UsualPath).Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
