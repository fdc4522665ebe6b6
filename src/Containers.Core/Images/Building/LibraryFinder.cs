using System.Runtime.InteropServices;

namespace Containers.Images.Building;

/// <summary>Finds the libraries of a program on this host in the way of its dynamic linker (ld.so(8), "DESCRIPTION").</summary>
internal sealed class LibraryFinder
{
    private const string Configuration = "/etc/ld.so.conf";

    private static readonly string s_multiarch = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

    /// <summary>Where glibc looks without being told; Debian's has the directories named after the architecture built in.</summary>
    private static readonly string[] s_builtIn = [$"/lib/{s_multiarch}", $"/usr/lib/{s_multiarch}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    private readonly Lazy<string[]> _configured = new(() => [.. ReadConfiguration(Configuration, depth: 0)]);

    /// <summary>Whether something was found only through /etc/ld.so.conf: inside, the linker finds it by the cache alone.</summary>
    public bool NeedsCache { get; private set; }

    /// <summary>Paths of the interpreter and of all libraries that a program needs, those of libraries included.</summary>
    /// <exception cref="ImageException">One is nowhere to be found.</exception>
    public IReadOnlyCollection<string> Find(string program, ElfFile elf)
    {
        // Its first finder's choice holds for the whole process, as in ld.so.
        Dictionary<string, string> found = [];
        List<string> result = [];
        if (elf.Interpreter is { } interpreter)
        {
            result.Add(File.Exists(interpreter) ? interpreter
                : throw new ImageException($"The program \"{program}\" needs the dynamic linker {interpreter}, which is not on this host."));
        }

        bool isMusl = Path.GetFileName(elf.Interpreter)?.StartsWith("ld-musl-", StringComparison.Ordinal) == true;
        Queue<(string Path, ElfFile Elf, IReadOnlyList<string> InheritedRpath)> queue = new([(Real(program), elf, [])]);
        while (queue.TryDequeue(out (string Path, ElfFile Elf, IReadOnlyList<string> InheritedRpath) current))
        {
            string origin = Path.GetDirectoryName(current.Path)!;
            IReadOnlyList<string> rpath = [.. Directories(current.Elf.Runpath is null ? current.Elf.Rpath : null, origin), .. current.InheritedRpath];
            foreach (string name in current.Elf.Needed.Where(name => !found.ContainsKey(name)))
            {
                // musl's libc is its dynamic linker.
                if (isMusl && (name == Path.GetFileName(elf.Interpreter) || name.StartsWith("libc.musl-", StringComparison.Ordinal) || name == "libc.so"))
                {
                    found[name] = elf.Interpreter!;
                    continue;
                }

                IReadOnlyList<string> own = [.. current.Elf.Runpath is null ? rpath : [], .. Directories(current.Elf.Runpath, origin)];
                (string path, ElfFile library) = Search(name, elf, own, isMusl)
                    ?? throw new ImageException(
                        $"The program \"{program}\" needs the library {name}{(current.Path == Real(program) ? "" : $" (for {current.Path})")}, which is not on this host.",
                        $"Searched: {string.Join(", ", own.Concat(_configured.Value).Concat(s_builtIn).Distinct())}.");
                found[name] = path;
                result.Add(path);
                queue.Enqueue((path, library, rpath));
            }
        }

        return result;
    }

    private (string Path, ElfFile Elf)? Search(string name, ElfFile program, IReadOnlyList<string> own, bool isMusl)
    {
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return Fitting(Path.GetFullPath(name), program);
        }

        string[] muslDirectories = ["/lib", "/usr/local/lib", "/usr/lib"];
        foreach (string directory in own.Concat(isMusl ? muslDirectories : s_builtIn))
        {
            if (Fitting(Path.Combine(directory, name), program) is { } library)
            {
                return library;
            }
        }

        foreach (string directory in isMusl ? [] : _configured.Value)
        {
            if (Fitting(Path.Combine(directory, name), program) is { } library)
            {
                NeedsCache = true;
                return library;
            }
        }

        return null;
    }

    /// <summary>A library of another class or machine is passed over, as ld.so does.</summary>
    private static (string, ElfFile)? Fitting(string path, ElfFile program)
        => File.Exists(path) && ElfFile.TryRead(path) is { } library && library.Is64Bit == program.Is64Bit && library.Machine == program.Machine
            ? (path, library)
            : null;

    private static IEnumerable<string> Directories(string? list, string origin)
        => from directory in (list ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
           let expanded = directory.Replace("${ORIGIN}", origin, StringComparison.Ordinal).Replace("$ORIGIN", origin, StringComparison.Ordinal)
           where Path.IsPathRooted(expanded) && !expanded.Contains('$', StringComparison.Ordinal)
           select Path.GetFullPath(expanded);

    private static IEnumerable<string> ReadConfiguration(string path, int depth)
    {
        if (depth > 4 || !File.Exists(path))
        {
            yield break;
        }

        foreach (string line in File.ReadLines(path).Select(line => line.Split('#')[0].Trim()).Where(line => line.Length > 0))
        {
            if (!line.StartsWith("include ", StringComparison.Ordinal))
            {
                yield return line;
                continue;
            }

            string pattern = Path.Combine(Path.GetDirectoryName(path)!, line["include ".Length..].Trim());
            string directory = Path.GetDirectoryName(pattern)!;
            string[] files = Directory.Exists(directory) ? Directory.GetFiles(directory, Path.GetFileName(pattern)) : [];
            foreach (string included in files.Order(StringComparer.Ordinal).SelectMany(file => ReadConfiguration(file, depth + 1)))
            {
                yield return included;
            }
        }
    }

    private static string Real(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
}
