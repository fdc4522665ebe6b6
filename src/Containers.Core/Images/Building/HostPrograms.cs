using System.Text;
using Containers.Native;
using Containers.Storage;

namespace Containers.Images.Building;

/// <summary>Brings files of this host into an image under the paths that they have here, links on the way included.</summary>
internal sealed class HostPrograms(ImageTree tree)
{
    private const int MaximumLinks = 40;
    private const int MaximumInterpreters = 4; // as many as execve(2) goes through

    private readonly LibraryFinder _libraries = new();

    /// <summary>Adds a program and all that it needs to run.</summary>
    /// <param name="program">A path, or a name that is looked for in PATH.</param>
    public void Add(string program) => Add(Locate(program), depth: 0);

    private void Add(string path, int depth)
    {
        Place(path);
        if (ElfFile.TryRead(path) is { } elf)
        {
            foreach (string library in _libraries.Find(path, elf))
            {
                Place(library);
            }

            if (_libraries.NeedsCache && File.Exists("/etc/ld.so.cache"))
            {
                Place("/etc/ld.so.cache");
            }
        }
        else if (depth < MaximumInterpreters && ReadInterpreter(path) is [string interpreter, .. string[] arguments])
        {
            if (!File.Exists(interpreter))
            {
                throw new ImageException($"The script \"{path}\" is for the interpreter {interpreter}, which is not on this host.");
            }

            Add(interpreter, depth + 1);
            if (Path.GetFileName(interpreter) == "env")
            {
                // "#!/usr/bin/env -S bash -e": the first word that is no option and no assignment is what runs.
                string? real = arguments.SelectMany(argument => argument.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .FirstOrDefault(word => !word.StartsWith('-') && !word.Contains('=', StringComparison.Ordinal));
                if (real is not null)
                {
                    Add(Locate(real), depth + 1);
                }
            }
        }
    }

    /// <summary>The entry for a regular file of the host.</summary>
    public static unsafe TreeEntry FileEntry(string hostPath)
    {
        if (!StoreFiles.TryStat(hostPath, out Kernel.statx_t stat) || stat.Type != Kernel.S_IFREG)
        {
            throw new ImageException($"There is no file \"{hostPath}\" on this host.");
        }

        byte[] capability = new byte[64];
        long length;
        using (PathHandle file = PathHandle.Open(hostPath, Kernel.O_RDONLY | Kernel.O_NONBLOCK))
        {
            fixed (byte* name = "security.capability\0"u8, value = capability)
            {
                length = Kernel.fgetxattr(file.Descriptor, name, value, (nuint)capability.Length);
            }
        }

        return new TreeEntry(TreeEntryKind.File, stat.stx_mode & 0xFFFu) { HostPath = hostPath, Capability = length > 0 ? capability[..(int)length] : null };
    }

    /// <summary>Puts a file at its own path. On a merged-usr host /bin/sh is /usr/bin/dash by way of two links, and is so inside.</summary>
    private void Place(string path)
    {
        Stack<string> remaining = new(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string current = "";
        for (int links = 0; remaining.TryPop(out string? name);)
        {
            if (name is "." or "..")
            {
                current = name == "." ? current : current[..Math.Max(0, current.LastIndexOf('/'))];
                continue;
            }

            string next = $"{current}/{name}";
            // A link that the image has goes before the host's: it may have been put there on purpose.
            string? target = tree.At(next[1..]) is { } there ? there.Target : new FileInfo(next).LinkTarget;
            if (target is null)
            {
                current = next;
                continue;
            }

            if (++links > MaximumLinks)
            {
                throw new ImageException($"The path \"{path}\" has too many symbolic links in it.");
            }

            if (tree.At(next[1..]) is null)
            {
                tree.Put(next[1..], TreeEntry.Link(target));
            }

            current = target.StartsWith('/') ? "" : current;
            foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                remaining.Push(part);
            }
        }

        if (tree.At(current[1..]) is null)
        {
            tree.Put(current[1..], FileEntry(File.Exists(current) ? current : path));
        }
    }

    private static string Locate(string program)
    {
        if (program.Contains('/', StringComparison.Ordinal))
        {
            string path = Path.GetFullPath(program);
            return File.Exists(path) ? path : throw new ImageException($"The program \"{program}\" is not on this host.");
        }

        string searched = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        return searched.Split(':', StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathRooted).Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
            ?? throw new ImageException($"The program \"{program}\" is not on this host.", $"Searched: {searched}.");
    }

    /// <summary>The words of a script's first line after "#!"; empty for what is no script.</summary>
    private static string[] ReadInterpreter(string path)
    {
        byte[] start = new byte[256]; // BINPRM_BUF_SIZE: the kernel reads no more
        using FileStream file = File.OpenRead(path);
        int length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        string line = Encoding.UTF8.GetString(start, 0, length).Split('\n')[0];
        return line.StartsWith("#!", StringComparison.Ordinal) ? line[2..].Split([' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [];
    }
}
