using System.Diagnostics;

namespace Containers.Benchmarks.Peers;

/// <summary>The C programs of this folder, compiled when they are needed.</summary>
internal static class CompiledC
{
    public static string Build(string folder, string source, params string[] libraries)
    {
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, source);
        using (Stream resource = typeof(CompiledC).Assembly.GetManifestResourceStream(source)!)
        using (FileStream copy = File.Create(file))
        {
            resource.CopyTo(copy);
        }

        string program = Path.ChangeExtension(file, null);
        ProcessStartInfo compiler = new("cc", ["-O2", "-Wall", "-o", program, file, .. libraries]) { RedirectStandardError = true };
        using Process process = Process.Start(compiler)!; // without a compiler: an exception that names it
        string messages = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? program : throw new ContenderException($"cc does not compile {source}: {messages}");
    }
}
