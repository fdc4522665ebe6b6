namespace Containers.Benchmarks.Peers;

/// <summary>A contender that a helper process runs and times.</summary>
internal sealed class HelperContender(string name, Helper helper, Action? tidy = null, string? note = null) : Contender(name)
{
    public override string? Note => note;

    public override TimeSpan Run() => helper.Run();

    public override void Dispose()
    {
        helper.Dispose();
        tidy?.Invoke();
    }
}
