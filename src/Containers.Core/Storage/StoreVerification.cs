namespace Containers;

/// <summary>What a look at all of a store found.</summary>
/// <param name="Layers">How many layers were compared with their tars.</param>
/// <param name="Images">How many images were looked at.</param>
/// <param name="Problems">What is not right; empty when all is.</param>
public sealed record StoreVerification(int Layers, int Images, IReadOnlyList<StoreProblem> Problems)
{
    /// <summary>Whether all is right, or was repaired.</summary>
    public bool IsSound => Problems.All(problem => problem.IsRepaired);
}

/// <summary>Something in a store that is not as it should be.</summary>
/// <param name="Place">Where, as a path in the store.</param>
/// <param name="Description">What is wrong.</param>
/// <param name="IsRepaired">Whether it was removed, so that the next pull or load makes it again.</param>
public sealed record StoreProblem(string Place, string Description, bool IsRepaired);
