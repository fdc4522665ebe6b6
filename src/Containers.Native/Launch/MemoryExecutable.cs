using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>
/// Executables that this library brings along, in sealed memory: there is no file that someone could exchange, and whoever opens
/// /proc/PID/exe of a process that executes one has nothing to write to. memfd_create(2), Linux 3.17.
/// </summary>
internal static unsafe class MemoryExecutable
{
    private static readonly ConcurrentDictionary<string, Lazy<PathHandle>> s_open = new();

    /// <summary>The descriptor of one, for execveat with AT_EMPTY_PATH. It is open for as long as the process lives.</summary>
    /// <param name="name">As native/build-launcher.sh names it: "containers-join".</param>
    /// <exception cref="ContainerException">This build has none for this architecture.</exception>
    public static int Open(string name) => s_open.GetOrAdd(name, static name => new Lazy<PathHandle>(() => Make(name))).Value.Descriptor;

    private static PathHandle Make(string name)
    {
        string resource = $"linux-{(RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "x64" : "arm64")}/{name}";
        using Stream stream = typeof(MemoryExecutable).Assembly.GetManifestResourceStream(resource)
            ?? throw new ContainerException($"This build of the library lacks \"{resource}\".", "Build it on this architecture, or with clang and lld.");
        byte[] image = new byte[stream.Length];
        stream.ReadExactly(image);
        fixed (byte* label = CString.Bytes(name), bytes = image)
        {
            long memory = Kernel.Call(SystemCall.memfd_create, (long)label, Kernel.MFD_CLOEXEC | Kernel.MFD_ALLOW_SEALING | Kernel.MFD_EXEC);
            if (memory == -(long)Errno.EINVAL) // before Linux 6.3 there is no flag, and all are executable
            {
                memory = Kernel.Call(SystemCall.memfd_create, (long)label, Kernel.MFD_CLOEXEC | Kernel.MFD_ALLOW_SEALING);
            }

            if (memory == -(long)Errno.EACCES)
            {
                throw new KernelException("make executable memory", name, Errno.EACCES, "This host forbids it: sysctl vm.memfd_noexec is 2.");
            }

            PathHandle handle = new((int)Kernel.Check(memory, "make executable memory", name));
            for (int written = 0; written < image.Length;)
            {
                written += (int)Kernel.Check(Kernel.Call(SystemCall.write, handle.Descriptor, (long)(bytes + written), image.Length - written), "write", name);
            }

            Kernel.Check(Kernel.Call(SystemCall.fcntl, handle.Descriptor, Kernel.F_ADD_SEALS, Kernel.F_SEAL_SEAL | Kernel.F_SEAL_SHRINK | Kernel.F_SEAL_GROW | Kernel.F_SEAL_WRITE), "seal", name);
            return handle;
        }
    }
}
