using System.Diagnostics;

namespace Containers.Benchmarks.Pull;

/// <summary>docker-registry on the loopback.</summary>
internal sealed class LocalRegistry : IDisposable
{
    private readonly Process _process;

    public LocalRegistry(WorkFolder work, string data, int port)
    {
        Name = $"localhost:{port}";
        Data = data;
        File.WriteAllText(work.In("registry.yml"), $"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: '{data}'}}}}\nhttp: {{addr: '127.0.0.1:{port}', secret: x}}\n");
        _process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", work.In("registry.yml")]) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["OTEL_TRACES_EXPORTER"] = "none" } })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Shell.Bash($"for i in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && exit 0; sleep 0.1; done; echo 'docker-registry does not listen' >&2; exit 1");
    }

    public string Name { get; }

    public string Data { get; }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
